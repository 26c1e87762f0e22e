-- What stands in the database now, for metrics. Every branch is served by a partial index.
-- Parameters: none
-- Result: kind (run, task, worker), state, role of workers else null, count
SELECT 'run' AS kind, state, NULL::text AS role, count(*) AS count
FROM runs.run
WHERE state IN ('queued', 'running')
GROUP BY state
UNION ALL
SELECT 'task', CASE WHEN available_at <= now() THEN 'due' ELSE 'waiting' END, NULL, count(*)
FROM runs.task
WHERE state IN ('queued', 'retrying', 'deferred')
GROUP BY 2
UNION ALL
SELECT 'task', 'running', NULL, count(*)
FROM runs.task
WHERE state = 'running'
UNION ALL
SELECT 'worker', CASE WHEN lease_until < now() THEN 'silent' ELSE state END, role, count(*)
FROM runs.worker
WHERE state IN ('live', 'draining')
GROUP BY 2, role
