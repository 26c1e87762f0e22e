-- Stores the members of one segment of an evaluation.
-- $1 evaluation_id, $2 ordinal, $3 number of members, $4 the set (EvaluationCodec).
INSERT INTO segments.evaluation_set (evaluation_id, ordinal, members, bits)
VALUES ($1::bigint, $2::integer, $3::bigint, $4::bytea)
