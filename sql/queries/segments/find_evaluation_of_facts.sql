-- The newest evaluation of an as-of that was made of the same facts.
-- $1 as_of, $2 stamp.
-- Result: evaluation_id, meanings (json text).
SELECT e.evaluation_id, i.meanings
FROM segments.evaluation AS e JOIN segments.evaluation_input AS i USING (evaluation_id)
WHERE e.as_of = $1::timestamptz AND i.stamp = $2::text
ORDER BY e.evaluation_id DESC
LIMIT 1
