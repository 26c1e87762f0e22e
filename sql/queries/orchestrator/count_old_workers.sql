-- How many workers left so long ago that nobody asks for them.
-- Parameters: $1 now where a test sets the clock, else null, $2 days to keep
-- Result: workers
SELECT count(*) AS workers
FROM runs.worker
WHERE stopped_at < coalesce($1::timestamptz, clock_timestamp()) - make_interval(days => $2)
