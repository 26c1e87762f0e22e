-- Records a feature catalogue as built; one that is as it was stays as it is.
-- Parameters: $1 text, its file; $2 jsonb, the definition; $3 timestamptz, the as-of built;
-- $4 timestamptz, now.
-- Result: none.
INSERT INTO features.built_catalogue AS b (catalogue, definition, as_of, built_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (catalogue) DO UPDATE
SET definition = excluded.definition, as_of = excluded.as_of, built_at = excluded.built_at
WHERE b.definition IS DISTINCT FROM excluded.definition
