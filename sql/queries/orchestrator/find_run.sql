-- One run.
-- Parameters: $1 run_id
-- Result: one row or none; times are instants, finished_at is null while it is under way
SELECT run_id, dag, interval_start, interval_end, state, created_at, started_at, finished_at, passes,
  params, snapshot_hash, message
FROM runs.run
WHERE run_id = $1
