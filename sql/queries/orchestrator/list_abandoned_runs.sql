-- Runs under way that are bound to a worker which has left or was given up.
-- Parameters: none
-- Result: run_id, dag, parallelism
SELECT run.run_id, run.dag, run.parallelism
FROM runs.run JOIN runs.worker ON worker.worker_id = run.bound_worker_id
WHERE run.state = 'running' AND worker.state IN ('lost', 'gone')
ORDER BY run.run_id
