-- The parameters of a run.
-- Parameters: $1 run_id
-- Result: params, one row or none
SELECT params
FROM runs.run
WHERE run_id = $1
