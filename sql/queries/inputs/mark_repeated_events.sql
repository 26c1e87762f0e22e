-- Gives staged rows whose event id was claimed by another row a reason: a duplicate where the
-- content is the same, else a redelivery in conflict with what was accepted first.
-- Parameters: $1 source, $2 load. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = CASE WHEN k.content = s.content THEN 'duplicate' ELSE 'conflicting_redelivery' END,
  column_name = 'event_id'
FROM landing.event_key AS k
WHERE s.reason IS NULL
  AND k.source_id = $1
  AND k.event_id = s.event_id
  AND (k.load_id, k.line) IS DISTINCT FROM ($2, s.line)
