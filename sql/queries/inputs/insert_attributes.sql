-- Takes over the project's profile attributes in the place of those before.
-- Parameters: $1 text[] names in order, $2 text[] definitions as JSON. Result: none.
INSERT INTO facts.profile_attribute AS a (position, name, definition)
SELECT v.place, v.name, v.definition::jsonb
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS v (name, definition, place)
ON CONFLICT (name) DO UPDATE
SET position = excluded.position, definition = excluded.definition
WHERE (a.position, a.definition) IS DISTINCT FROM (excluded.position, excluded.definition)
