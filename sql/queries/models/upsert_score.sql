-- Stores the scores of a midnight; the same scores again change nothing.
-- $1 text model; $2 timestamptz as_of; $3 int4 version; $4 int8 customers; $5 bytea payload;
-- $6 timestamptz now.
INSERT INTO models.score (model, as_of, version, customers, payload, scored_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (model, as_of) DO UPDATE
SET version = excluded.version, customers = excluded.customers, payload = excluded.payload,
  scored_at = excluded.scored_at
WHERE (score.version, score.payload) IS DISTINCT FROM (excluded.version, excluded.payload);
