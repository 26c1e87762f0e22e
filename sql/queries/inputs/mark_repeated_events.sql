-- Gives staged rows whose event id was claimed by another row a reason: a duplicate where the
-- content is the same, else a redelivery in conflict with what was accepted first.
-- The key of each row is looked up by a subquery, not by a join: a source that is new since the
-- last ANALYZE is believed to have one key, and the join would then read every staged row for
-- each of its keys.
-- Parameters: $1 source, $2 load. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = CASE
    WHEN (
      SELECT k.content = s.content
      FROM landing.event_key AS k
      WHERE k.source_id = $1 AND k.event_id = s.event_id) THEN 'duplicate'
    ELSE 'conflicting_redelivery'
  END,
  column_name = 'event_id'
WHERE s.reason IS NULL
  AND (
    SELECT (k.load_id, k.line) IS DISTINCT FROM ($2, s.line)
    FROM landing.event_key AS k
    WHERE k.source_id = $1 AND k.event_id = s.event_id)
