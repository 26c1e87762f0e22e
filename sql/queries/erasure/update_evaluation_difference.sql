-- Replaces the customers of one difference of an evaluation.
-- $1 evaluation_id, $2 position, $3 number of customers, $4 the set (EvaluationCodec).
UPDATE segments.evaluation_difference SET customers = $3::bigint, bits = $4::bytea
WHERE evaluation_id = $1::bigint AND position = $2::integer
