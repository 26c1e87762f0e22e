-- Backfills with their intervals counted, the latest first.
-- Parameters: $1 backfill_id, or null for all, $2 at most so many
-- Result: one row per backfill; total, and a column per outcome
SELECT backfill.backfill_id, created_at, finished_at, max_active, is_reverse, dag, reprocess, state,
  snapshot_hash, options, params, counted.*
FROM runs.backfill
CROSS JOIN LATERAL (
  SELECT count(*) AS total, count(*) FILTER (WHERE outcome = 'pending') AS pending,
    count(*) FILTER (WHERE outcome = 'started') AS started,
    count(*) FILTER (WHERE outcome = 'in_flight') AS in_flight,
    count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
    count(*) FILTER (WHERE outcome = 'success') AS success,
    count(*) FILTER (WHERE outcome = 'failed') AS failed,
    count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled
  FROM runs.backfill_interval
  WHERE backfill_interval.backfill_id = backfill.backfill_id) AS counted
WHERE $1::bigint IS NULL OR backfill.backfill_id = $1
ORDER BY backfill.backfill_id DESC
LIMIT $2
