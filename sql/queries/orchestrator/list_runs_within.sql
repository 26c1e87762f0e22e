-- The runs of a DAG whose intervals lie within a span.
-- Parameters: $1 dag, $2 first instant, $3 first instant after
-- Result: run_id, the oldest interval first
SELECT run_id
FROM runs.run
WHERE dag = $1 AND interval_start >= $2 AND interval_end <= $3
ORDER BY interval_start, run_id
