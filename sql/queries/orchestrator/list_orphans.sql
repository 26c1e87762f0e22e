-- Attempts whose worker has left or was given up.
-- Parameters: $1 run_id, or null for all runs
-- Result: run_id, task_id, fencing_token, try, worker_id
SELECT task.run_id, task.task_id, task.position, task.map_index, task.fencing_token, task.tries,
  task.worker_id
FROM runs.task JOIN runs.worker USING (worker_id)
WHERE task.state = 'running' AND worker.state IN ('lost', 'gone')
  AND ($1::bigint IS NULL OR task.run_id = $1)
ORDER BY task.run_id
LIMIT 1000
