-- Notes what an evaluation was made of.
-- $1 evaluation_id, $2 stamp, $3 meanings (a jsonb object by segment).
INSERT INTO segments.evaluation_input (evaluation_id, stamp, meanings)
VALUES ($1::bigint, $2::text, $3::jsonb)
ON CONFLICT (evaluation_id) DO NOTHING
