-- Cancels all tasks of a run that have not ended, with their attempts: what these come to is refused
-- from now on.
-- Parameters: $1 run_id, $2 now, $3 why
-- Result: worker_id of each attempt that was running
WITH open AS (
  SELECT task_id, state
  FROM runs.task
  WHERE run_id = $1
    AND state IN ('waiting', 'queued', 'running', 'retrying', 'deferred')
  FOR UPDATE
), cancelled AS (
  UPDATE runs.task
  SET state = 'cancelled', finished_at = $2, message = $3, available_at = NULL, is_held = false,
    is_clearing = false, stop_requested = false
  FROM open
  WHERE task.run_id = $1 AND task.task_id = open.task_id
  RETURNING open.state AS before, task.worker_id
), attempts AS (
  UPDATE runs.attempt
  SET state = 'cancelled', finished_at = $2, message = $3
  WHERE run_id = $1 AND state = 'running'
)
SELECT worker_id
FROM cancelled
WHERE before = 'running' AND worker_id IS NOT NULL
