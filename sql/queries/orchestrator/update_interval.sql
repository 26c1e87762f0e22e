-- Writes what is done about an interval of a locked backfill.
-- Parameters: $1 backfill_id, $2 place, $3 action, $4 outcome, $5 run or null, $6 reason or null
-- Result: none
UPDATE runs.backfill_interval
SET action = $3, outcome = $4, run_id = $5, reason = $6
WHERE backfill_id = $1 AND place = $2
