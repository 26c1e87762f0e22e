-- Ends a run that waits for its turn and was cancelled before it came.
-- Parameters: $1 run_id, $2 now
-- Result: none
UPDATE runs.run
SET state = 'cancelled', finished_at = $2, deadline_at = NULL,
  message = 'cancelled on request before it began'
WHERE run_id = $1 AND state = 'queued'
