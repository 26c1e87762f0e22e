-- The run of a DAG over an interval that is under way, whatever its parameters.
-- Parameters: $1 dag, $2 interval start, $3 interval end
-- Result: one row or none; times are instants
SELECT run_id, dag, interval_start, interval_end, state, created_at, started_at, finished_at, passes,
  params, snapshot_hash, message
FROM runs.run
WHERE dag = $1 AND interval_start = $2 AND interval_end = $3 AND state = 'running'
ORDER BY started_at DESC
LIMIT 1
