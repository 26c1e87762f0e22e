-- The instant of an evaluation.
-- $1 evaluation_id.
-- Result: as_of.
SELECT as_of FROM segments.evaluation WHERE evaluation_id = $1::bigint
