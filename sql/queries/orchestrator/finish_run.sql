-- Ends a run.
-- Parameters: $1 run_id, $2 its state, $3 message or null, $4 now
-- Result: none; one row is changed, or none where the run is not under way
UPDATE runs.run
SET state = $2, finished_at = $4, message = $3
WHERE run_id = $1 AND state = 'running'
