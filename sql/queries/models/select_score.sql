-- The scores of a midnight.
-- $1 text model; $2 timestamptz as_of.
-- Returns at most one row: version integer, customers bigint, payload bytea.
SELECT version, customers, payload
FROM models.score
WHERE model = $1 AND as_of = $2;
