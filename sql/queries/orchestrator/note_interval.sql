-- Remembers the latest interval that a DAG's schedule made a run for.
-- Parameters: $1 dag, $2 start, $3 end of the interval
-- Result: none
UPDATE runs.dag
SET last_interval_start = $2, last_interval_end = $3
WHERE dag = $1 AND (last_interval_end IS NULL OR last_interval_end < $3)
