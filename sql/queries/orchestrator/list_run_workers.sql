-- The workers that a run under way depends on: of its running attempts, and the one it is bound to.
-- Parameters: $1 run_id
-- Result: worker_id, and of an attempt task_id, fencing_token, tries; null for the binding
SELECT worker_id, task_id, fencing_token, tries
FROM runs.task
WHERE run_id = $1 AND state = 'running' AND worker_id IS NOT NULL AND items_total IS NULL
UNION ALL
SELECT bound_worker_id, NULL, NULL, NULL
FROM runs.run
WHERE run_id = $1 AND state = 'running' AND bound_worker_id > 0
ORDER BY 1, 2
