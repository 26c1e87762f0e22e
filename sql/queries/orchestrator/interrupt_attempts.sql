-- Ends the attempts that a crash cut short.
-- Parameters: $1 run_id, $2 now, $3 error code, $4 message
-- Result: none
UPDATE runs.attempt
SET state = 'failed', finished_at = $2, error_code = $3, message = $4
WHERE run_id = $1 AND state = 'running'
