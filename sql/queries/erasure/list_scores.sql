-- The midnights with scores.
-- Result: model, as_of.
SELECT model, as_of FROM models.score ORDER BY model, as_of
