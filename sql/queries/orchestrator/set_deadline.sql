-- Sets when a run's deadline passes.
-- Parameters: $1 run_id, $2 the instant
-- Result: none
UPDATE runs.run
SET deadline_at = $2
WHERE run_id = $1
