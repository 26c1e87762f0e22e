-- Takes a run for one decision: the row stays locked until the transaction ends, so decisions on
-- one run follow one another whatever process makes them.
-- Parameters: $1 run_id, $2 now where a test sets the clock, else null for the server's
-- Result: one row or none; at is the instant of the decision
SELECT dag, state, kind, snapshot_hash, interval_start, interval_end, is_cancelling, parallelism,
  bound_worker_id, unfinished, active, failed, cancelled,
  coalesce($2::timestamptz, clock_timestamp()) AS at
FROM runs.run
WHERE run_id = $1
FOR UPDATE
