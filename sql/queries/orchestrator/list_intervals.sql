-- The runs of a DAG whose intervals begin in a span, oldest first.
-- Parameters: $1 dag, $2 the first instant, $3 the first instant after
-- Result: run_id, interval_start, interval_end, state
SELECT run_id, interval_start, interval_end, state
FROM runs.run
-- The end is what the index is ordered by.
WHERE dag = $1 AND interval_end > $2 AND interval_start >= $2 AND interval_start < $3
ORDER BY interval_start, run_id
