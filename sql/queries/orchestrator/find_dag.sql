-- What is remembered of a DAG.
-- Parameters: $1 dag
-- Result: paused_at, last_interval_start, last_interval_end; no row where no scheduler has seen it
SELECT paused_at, last_interval_start, last_interval_end
FROM runs.dag
WHERE dag = $1
