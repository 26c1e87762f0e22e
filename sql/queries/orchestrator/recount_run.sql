-- Writes the counts of a run whose tasks a new definition has changed; none of them is active.
-- Parameters: $1 run_id, $2 unfinished, $3 failed, $4 cancelled
-- Result: none
UPDATE runs.run
SET unfinished = $2, failed = $3, cancelled = $4, active = 0
WHERE run_id = $1
