-- The version with the same bytes from the same data day and definition, so that training twice
-- stores once.
-- $1 text model; $2 timestamptz as_of; $3 text definition hash; $4 bytea SHA-256 of the bytes.
-- Returns at most one row: version integer, champion boolean.
SELECT version, champion
FROM models.version
WHERE model = $1 AND as_of = $2 AND definition_hash = $3 AND digest = $4
ORDER BY version
LIMIT 1;
