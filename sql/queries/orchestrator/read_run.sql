-- A run as lock_run finds it, without its lock: for what only looks.
-- Parameters: $1 run_id, $2 now where a test sets the clock, else null for the server's
-- Result: as lock_run
SELECT dag, state, kind, snapshot_hash, interval_start, interval_end, is_cancelling, parallelism,
  bound_worker_id, unfinished, active, failed, cancelled,
  coalesce($2::timestamptz, clock_timestamp()) AS at
FROM runs.run
WHERE run_id = $1
