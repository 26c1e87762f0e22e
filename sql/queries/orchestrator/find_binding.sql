-- Whose a run is.
-- Parameters: $1 run_id
-- Result: state, kind, bound_worker_id, parallelism; one row or none
SELECT state, kind, bound_worker_id, parallelism
FROM runs.run
WHERE run_id = $1
