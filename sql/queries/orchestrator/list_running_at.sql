-- The attempts that a worker has on its way.
-- Parameters: $1 worker
-- Result: one row per attempt: run_id, task_id, fencing_token, tries
SELECT run_id, task_id, fencing_token, tries
FROM runs.task
WHERE state = 'running' AND worker_id = $1 AND items_total IS NULL
