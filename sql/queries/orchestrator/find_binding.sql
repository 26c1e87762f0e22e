-- Whose a run is.
-- Parameters: $1 run_id
-- Result: state, bound_worker_id; one row or none
SELECT state, bound_worker_id
FROM runs.run
WHERE run_id = $1
