-- Forgets workers that left long ago.
-- Parameters: $1 now where a test sets the clock, else null, $2 days to keep
-- Result: none
DELETE FROM runs.worker
WHERE stopped_at < coalesce($1::timestamptz, clock_timestamp()) - make_interval(days => $2)
