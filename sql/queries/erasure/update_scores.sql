-- Replaces the scores of a midnight.
-- $1 model, $2 as_of, $3 number of customers, $4 payload (ScorePayload).
UPDATE models.score SET customers = $3::bigint, payload = $4::bytea
WHERE model = $1::text AND as_of = $2::timestamptz
