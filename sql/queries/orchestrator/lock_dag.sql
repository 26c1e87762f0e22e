-- Takes what is remembered of a DAG for one look at its schedule.
-- Parameters: $1 dag, $2 now where a test sets the clock, else null
-- Result: one row, or none where another scheduler has it; paused_at is null where it is not paused,
--   the last interval before the first run
SELECT coalesce(active_since, first_seen_at) AS active_since, paused_at, last_interval_start, last_interval_end,
  coalesce($2::timestamptz, clock_timestamp()) AS at
FROM runs.dag
WHERE dag = $1
FOR UPDATE SKIP LOCKED
