-- The next interval of a backfill whose turn it is.
-- Parameters: $1 backfill_id, $2 the place it comes after
-- Result: as list_backfill_intervals; one row or none
SELECT place, interval_start, interval_end, run_id, action, outcome, reason
FROM runs.backfill_interval
WHERE backfill_id = $1 AND place > $2 AND outcome IN ('pending', 'in_flight')
ORDER BY place
LIMIT 1
