-- Stores the head of an evaluation.
-- $1 as_of, $2 created_at, $3 run_id or null, $4 number of customers, $5 definitions (jsonb
-- array), $6 customer ids (EvaluationCodec), $7 differences from the rules or null (MembershipChanges).
-- Result: evaluation_id.
INSERT INTO segments.evaluation (as_of, created_at, run_id, customers, segments, ids, differences)
VALUES ($1::timestamptz, $2::timestamptz, $3::bigint, $4::bigint, $5::jsonb, $6::bytea, $7::bytea)
RETURNING evaluation_id
