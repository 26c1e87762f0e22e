-- Partitions whose last row is older than their table is kept, the names of which
-- runs.ensure_partitions gave them; also those that an earlier, interrupted drop left behind.
-- Parameters: $1 now where a test sets the clock, else null, then months to keep: $2 attempts,
--   $3 logs, $4 events
-- Result: one row per partition, interrupted ones and then the oldest first: parent, partition, ends_at, is_attached,
--   is_detaching (a detachment was interrupted), bytes, rows as last counted or -1
WITH kept (parent, months) AS (
  VALUES ('attempt', $2::integer), ('log', $3::integer), ('event', $4::integer)
), found AS (
  SELECT kept.parent, kept.months, child.oid, child.relname AS partition,
    (to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' AS ends_at,
    child.reltuples::bigint AS rows, link.inhdetachpending
  FROM kept
  JOIN pg_class AS child ON child.relname ~ ('^' || kept.parent || '_\d{4}_\d{2}$')
    AND child.relkind = 'r' AND child.relnamespace = 'runs'::regnamespace
  LEFT JOIN pg_inherits AS link ON link.inhrelid = child.oid
)
SELECT parent, partition::text AS partition, ends_at, inhdetachpending IS NOT NULL AS is_attached,
  coalesce(inhdetachpending, false) AS is_detaching, pg_total_relation_size(oid) AS bytes, rows
FROM found
WHERE ends_at <= coalesce($1::timestamptz, clock_timestamp()) - make_interval(months => months)
-- A pending detachment of a table keeps its other partitions from being detached.
ORDER BY is_detaching DESC, ends_at, parent
