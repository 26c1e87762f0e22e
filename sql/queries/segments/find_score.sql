-- Which version of a model gave the scores of a midnight.
-- $1 model, $2 the midnight.
-- Result: version, scored_at; no row where there are no scores.
SELECT s.version, s.scored_at
FROM models.score s
WHERE s.model = $1::text AND s.as_of = $2::timestamptz
