-- Stores a prior state in place of that of the same midnight and meaning.
-- $1 midnight, $2 meaning, $3 tile version, $4 now, $5 number of customers, $6 ids, $7 memory.
INSERT INTO segments.prior_state
  (midnight, meaning, tile_version, created_at, customers, ids, memory)
VALUES ($1::timestamptz, $2::text, $3::bigint, $4::timestamptz, $5::bigint, $6::bytea, $7::bytea)
ON CONFLICT (midnight, meaning) DO UPDATE
SET tile_version = excluded.tile_version, created_at = excluded.created_at,
  customers = excluded.customers, ids = excluded.ids, memory = excluded.memory
