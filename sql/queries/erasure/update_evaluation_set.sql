-- Replaces the members of one segment of an evaluation.
-- $1 evaluation_id, $2 ordinal, $3 number of members, $4 the set (EvaluationCodec).
UPDATE segments.evaluation_set SET members = $3::bigint, bits = $4::bytea
WHERE evaluation_id = $1::bigint AND ordinal = $2::integer
