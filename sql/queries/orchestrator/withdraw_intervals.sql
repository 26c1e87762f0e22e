-- Takes back the intervals of a locked backfill that have not begun.
-- Parameters: $1 backfill_id
-- Result: none
UPDATE runs.backfill_interval
SET outcome = 'cancelled', reason = 'the backfill was cancelled'
WHERE backfill_id = $1 AND outcome IN ('pending', 'in_flight')
