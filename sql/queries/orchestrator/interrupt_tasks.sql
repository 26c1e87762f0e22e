-- Makes the tasks that a crash cut short wait for another attempt. An old attempt that still holds
-- a fence makes this wait for its commit; one that comes later is refused, by the state.
-- Parameters: $1 run_id, $2 error code, $3 message
-- Result: none
UPDATE runs.task
SET state = 'waiting', error_code = $2, message = $3
WHERE run_id = $1 AND state IN ('running', 'retrying')
