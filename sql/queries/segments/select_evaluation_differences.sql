-- For whom an evaluation differs from the rules, and why.
-- $1 evaluation_id.
-- Result: ordinal, winner (null for none), is_ruled, reason, channel (null for none), bits
-- (EvaluationCodec), in the order of their positions.
SELECT ordinal, winner, is_ruled, reason, channel, bits
FROM segments.evaluation_difference
WHERE evaluation_id = $1::bigint
ORDER BY position
