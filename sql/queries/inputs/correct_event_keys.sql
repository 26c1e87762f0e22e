-- Finds rows whose event an earlier load brought with other content: a correction. Of several in one
-- load the first counts; the others are left to mark_repeated_events.sql.
-- The key of each row is looked up by a subquery for the reason given there.
-- Parameters: $1 source, $2 load. Result: none; the number of rows is that of corrected events.
INSERT INTO pg_temp.strata_corrected (event_id, content, line, old_load)
SELECT DISTINCT ON (s.event_id) s.event_id, s.content, s.line, (
    SELECT k.load_id FROM landing.event_key AS k
    WHERE k.source_id = $1 AND k.event_id = s.event_id)
FROM pg_temp.strata_staged AS s
WHERE s.reason IS NULL
  AND (
    SELECT k.load_id <> $2 AND k.content <> s.content
    FROM landing.event_key AS k
    WHERE k.source_id = $1 AND k.event_id = s.event_id)
ORDER BY s.event_id, s.line
