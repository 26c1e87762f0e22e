-- Runs, latest interval first.
-- Parameters: $1 dag or null for all, $2 state or null for all, $3 rows at most
-- Result: one row per run; times are instants, finished_at is null while it is under way
SELECT run_id, dag, interval_start, interval_end, state, created_at, started_at, finished_at, passes,
  params, snapshot_hash, message
FROM runs.run
WHERE ($1::text IS NULL OR dag = $1) AND ($2::text IS NULL OR state = $2)
ORDER BY interval_end DESC, run_id DESC
LIMIT $3
