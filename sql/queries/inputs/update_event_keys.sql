-- Gives corrected events the content, load and line of their new version.
-- An array and not a join, so that each key is looked up whatever the server believes of its number.
-- Parameters: $1 source, $2 load. Result: none.
UPDATE landing.event_key AS k
SET content = (
    SELECT c.content FROM pg_temp.strata_corrected AS c WHERE c.event_id = k.event_id),
  line = (SELECT c.line FROM pg_temp.strata_corrected AS c WHERE c.event_id = k.event_id),
  load_id = $2
WHERE k.source_id = $1
  AND k.event_id = ANY (ARRAY(SELECT c.event_id FROM pg_temp.strata_corrected AS c))
