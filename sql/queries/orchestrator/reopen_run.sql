-- Begins another pass over a run.
-- Parameters: $1 run_id, $2 hash of the definition it is run with, $3 now
-- Result: none
UPDATE runs.run
SET state = 'running', started_at = $3, finished_at = NULL, message = NULL, snapshot_hash = $2,
  passes = passes + 1
WHERE run_id = $1
