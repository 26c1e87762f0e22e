-- How many intervals of a backfill have not ended.
-- Parameters: $1 backfill_id
-- Result: open, and of them started
SELECT count(*) AS open, count(*) FILTER (WHERE outcome = 'started') AS started
FROM runs.backfill_interval
WHERE backfill_id = $1 AND outcome IN ('pending', 'started', 'in_flight')
