-- Takes a backfill for one look, unless somebody else is at it.
-- Parameters: $1 backfill_id
-- Result: one row or none
SELECT backfill_id, dag, state, max_active, reprocess, snapshot_hash, options, params
FROM runs.backfill
WHERE backfill_id = $1 AND state IN ('running', 'paused', 'cancelling')
FOR UPDATE SKIP LOCKED
