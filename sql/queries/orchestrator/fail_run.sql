-- Ends a locked run that nobody can decide about.
-- Parameters: $1 run_id, $2 now, $3 why
-- Result: bound_worker_id; one row, or none where it had ended
UPDATE runs.run
SET state = 'failed', finished_at = $2, message = $3, active = 0, is_cancelling = false,
  deadline_at = NULL
WHERE run_id = $1 AND state IN ('queued', 'running')
RETURNING bound_worker_id
