-- The sets of an evaluation, in the order of its segments.
-- $1 evaluation_id.
-- Result: ordinal, bits (EvaluationCodec).
SELECT ordinal, bits FROM segments.evaluation_set WHERE evaluation_id = $1::bigint ORDER BY ordinal
