-- Claims the event ids of a load whose rows are believed to be new, the first row of each id: half
-- the cost of insert_event_keys.sql, which serves where this one meets an id that is known (23505).
-- Parameters: $1 source, $2 load. Result: none; the number of rows is that of new ids.
INSERT INTO landing.event_key (source_id, event_id, content, load_id, line)
SELECT DISTINCT ON (event_id) $1, event_id, content, $2, line
FROM pg_temp.strata_staged
WHERE reason IS NULL
ORDER BY event_id, line
