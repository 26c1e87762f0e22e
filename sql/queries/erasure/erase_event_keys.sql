-- Removes the keys of events.
-- $1 smallint[] sources, $2 text[] event ids, one for each.
DELETE FROM landing.event_key AS k
USING unnest($1::smallint[], $2::text[]) AS v (source_id, event_id)
WHERE k.source_id = v.source_id AND k.event_id = v.event_id
