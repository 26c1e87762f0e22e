-- Lets tasks run again, with further attempts on top of those they had.
-- Parameters: $1 run_id, $2 task ids, $3 further attempts of each
-- Result: none
UPDATE runs.task
SET state = 'waiting', allowed_tries = task.tries + again.attempts, finished_at = NULL,
  error_code = NULL, message = NULL, output = NULL
FROM unnest($2::text[], $3::integer[]) AS again (task_id, attempts)
WHERE task.run_id = $1 AND task.task_id = again.task_id
