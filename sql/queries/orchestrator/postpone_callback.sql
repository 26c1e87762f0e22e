-- Puts a call that failed off, unless somebody else has taken it since.
-- Parameters: $1 callback_id, $2 tries as it was taken, $3 now where a test sets the clock, else
--   null, $4 seconds until it is made again, $5 why it failed
-- Result: none
UPDATE runs.callback
SET due_at = coalesce($3::timestamptz, clock_timestamp()) + make_interval(secs => $4), message = $5
WHERE callback_id = $1 AND tries = $2
