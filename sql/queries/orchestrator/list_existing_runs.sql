-- The runs of a DAG that cover data within a span.
-- Parameters: $1 dag, $2 first instant, $3 first instant after, $4 hash of a backfill's parameters
-- Result: run_id, interval_start, interval_end, state, kind, has_same_params
SELECT run_id, interval_start, interval_end, state, kind, params_hash = $4 AS has_same_params
FROM runs.run
WHERE dag = $1 AND interval_end > $2 AND interval_end <= $3 AND interval_start >= $2
ORDER BY run_id
