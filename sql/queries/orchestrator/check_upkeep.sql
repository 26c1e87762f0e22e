-- Whether there is anything to do at the end of a run, so that most runs pay one round trip for it.
-- Parameters: $1 now where a test sets the clock, else null, then months to keep: $2 attempts,
--   $3 logs, $4 events
-- Result: has_callbacks, has_partitions
SELECT
  EXISTS (
    SELECT FROM runs.callback WHERE due_at <= coalesce($1::timestamptz, clock_timestamp())
  ) AS has_callbacks,
  EXISTS (
    SELECT
    FROM (VALUES ('attempt', $2::integer), ('log', $3::integer), ('event', $4::integer))
      AS kept (parent, months)
    JOIN pg_inherits ON inhparent = ('runs.' || kept.parent)::regclass
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE child.relname ~ ('^' || kept.parent || '_\d{4}_\d{2}$')
      AND (to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC'
        <= coalesce($1::timestamptz, clock_timestamp()) - make_interval(months => kept.months)
  ) AS has_partitions
