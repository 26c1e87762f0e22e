-- The start of the earliest interval that a DAG was run for.
-- Parameters: $1 dag
-- Result: interval_start, or no row
SELECT interval_start
FROM runs.run
WHERE dag = $1
ORDER BY interval_end, interval_start
LIMIT 1
