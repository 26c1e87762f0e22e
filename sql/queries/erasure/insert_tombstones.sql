-- Leaves tombstones for keys.
-- $1 erasure, $2 text[] keys.
INSERT INTO landing.erased_key (erasure_id, digest)
SELECT $1::bigint, landing.erased_digest(k.customer_key) FROM unnest($2::text[]) AS k (customer_key)
ON CONFLICT (digest) DO NOTHING
