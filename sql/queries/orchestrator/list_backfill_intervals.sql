-- The intervals of a backfill in the order in which they are taken.
-- Parameters: $1 backfill_id
-- Result: place, interval_start, interval_end, run_id, action, outcome, reason
SELECT place, interval_start, interval_end, run_id, action, outcome, reason
FROM runs.backfill_interval
WHERE backfill_id = $1
ORDER BY place
