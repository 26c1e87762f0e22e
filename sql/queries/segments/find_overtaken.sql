-- Whether an instant was published by another DAG only, and a later one since.
-- $1 as_of, $2 the DAG that asks.
-- Result: overtaken.
SELECT coalesce(bool_and(r.dag <> $2::text), false)
  AND EXISTS (SELECT FROM segments.publication_record l WHERE l.as_of > $1::timestamptz) AS overtaken
FROM segments.publication_record p
JOIN runs.run r ON r.run_id = p.run_id
WHERE p.as_of = $1::timestamptz
