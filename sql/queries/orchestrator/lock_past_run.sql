-- The run of a DAG before an interval, whatever asked for it. Its row is locked against decisions
-- until the transaction ends: one that is being made is waited for, and one that comes later finds
-- what this transaction has written, so that neither misses the other.
-- Parameters: $1 dag, $2 start of the interval
-- Result: run_id, state; no row where there is no run before
SELECT run_id, state
FROM runs.run
WHERE dag = $1 AND interval_end <= $2
ORDER BY interval_end DESC, run_id DESC
LIMIT 1
FOR SHARE
