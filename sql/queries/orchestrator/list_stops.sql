-- The attempts of a worker that were told to stop.
-- Parameters: $1 worker
-- Result: one row per attempt: run_id, task_id, fencing_token
SELECT run_id, task_id, fencing_token
FROM runs.task
WHERE state = 'running' AND worker_id = $1 AND stop_requested
