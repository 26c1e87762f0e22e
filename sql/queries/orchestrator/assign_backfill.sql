-- Gives a run that has ended, and its tasks, to a backfill that runs it again.
-- Parameters: $1 run_id, $2 backfill_id
-- Result: none
WITH assigned AS (
  UPDATE runs.run
  SET kind = 'backfill', backfill_id = $2
  WHERE run_id = $1
)
UPDATE runs.task
SET is_backfill = true
WHERE run_id = $1 AND NOT is_backfill
