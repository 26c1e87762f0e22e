-- The head of an evaluation.
-- $1 evaluation_id.
-- Result: as_of, customers, segments (json text), ids.
SELECT as_of, customers, segments, ids FROM segments.evaluation WHERE evaluation_id = $1::bigint
