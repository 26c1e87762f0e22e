-- Stores for whom an evaluation differs from the rules, and why.
-- $1 evaluation_id, $2 position, $3 ordinal of the segment, $4 ordinal of the winner or null, $5 number
-- of customers, $6 whether the rule is true, $7 reason, $8 channel or null, $9 the set
-- (EvaluationCodec).
INSERT INTO segments.evaluation_difference (
  evaluation_id, position, ordinal, winner, customers, is_ruled, reason, channel, bits)
VALUES (
  $1::bigint, $2::integer, $3::integer, $4::integer, $5::bigint, $6::boolean, $7::text, $8::text,
  $9::bytea)
