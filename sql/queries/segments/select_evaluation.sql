-- The head of an evaluation.
-- $1 evaluation_id.
-- Result: as_of, customers, segments (json text), ids, differences (null for none).
SELECT as_of, customers, segments, ids, differences FROM segments.evaluation WHERE evaluation_id = $1::bigint
