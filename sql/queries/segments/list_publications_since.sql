-- The publications after one, in their order.
-- $1 publication_id.
-- Result: publication_id, as_of, published_at, evaluation_id (null once removed), bytes (what it
-- changed of the evaluation; null where it published all), differences (the same of differences from
-- the rules; null for none).
SELECT p.publication_id, p.as_of, p.published_at, p.evaluation_id, c.bytes,
  c.differences
FROM segments.publication_record p
LEFT JOIN segments.evaluation_change c ON c.publication_id = p.publication_id
WHERE p.publication_id > $1::integer
ORDER BY p.publication_id
