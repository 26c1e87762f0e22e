-- Takes a backfill for one change of its state.
-- Parameters: $1 backfill_id
-- Result: state; one row or none
SELECT state
FROM runs.backfill
WHERE backfill_id = $1
FOR UPDATE
