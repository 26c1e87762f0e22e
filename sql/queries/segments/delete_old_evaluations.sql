-- Removes the evaluations that no later publication can need: those older than the live one, of
-- no later as_of, except the one that was live before it.
-- $1 evaluation_id of the live publication, $2 its as_of, $3 evaluation_id of the one before or
-- null.
DELETE FROM segments.evaluation
WHERE evaluation_id < $1::bigint AND as_of <= $2::timestamptz
  AND evaluation_id IS DISTINCT FROM $3::bigint
