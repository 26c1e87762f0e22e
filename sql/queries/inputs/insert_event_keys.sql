-- Claims the event ids of a load's good rows; those already claimed are left alone.
-- In the order of the key, so that two loads wait for each other in one order only and the index
-- fills page after page.
-- Parameters: $1 source, $2 load. Result: none; the number of rows is that of new ids.
INSERT INTO landing.event_key (source_id, event_id, content, load_id, line)
SELECT $1, event_id, content, $2, line
FROM pg_temp.strata_staged
WHERE reason IS NULL
ORDER BY event_id, line
ON CONFLICT (source_id, event_id) DO NOTHING
