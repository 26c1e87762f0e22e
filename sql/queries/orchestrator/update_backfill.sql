-- Changes the state of a locked backfill.
-- Parameters: $1 backfill_id, $2 state, $3 when it ended, or null
-- Result: none
UPDATE runs.backfill
SET state = $2, finished_at = $3
WHERE backfill_id = $1
