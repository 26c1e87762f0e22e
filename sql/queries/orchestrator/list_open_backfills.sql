-- Backfills that something may still happen to, the oldest first.
-- Parameters: $1 backfill_id, or null for all
-- Result: backfill_id
SELECT backfill_id
FROM runs.backfill
WHERE state IN ('running', 'paused', 'cancelling') AND ($1::bigint IS NULL OR backfill_id = $1)
ORDER BY backfill_id
