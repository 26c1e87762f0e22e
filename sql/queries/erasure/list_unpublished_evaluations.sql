-- Evaluations that a run which is taken up again would publish.
-- Result: evaluation_id.
SELECT e.evaluation_id FROM segments.evaluation AS e
WHERE NOT EXISTS (
  SELECT FROM segments.publication_record AS p WHERE p.evaluation_id = e.evaluation_id)
