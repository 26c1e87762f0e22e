-- Begins another pass over a run.
-- Parameters: $1 run_id, $2 hash of the definition it is run with, $3 now, $4 the worker it is bound
--   to or 0, $5 attempts at once
-- Result: none
UPDATE runs.run
SET started_at = $3, finished_at = NULL, message = NULL, snapshot_hash = $2, passes = passes + 1,
  bound_worker_id = $4, parallelism = $5
WHERE run_id = $1
