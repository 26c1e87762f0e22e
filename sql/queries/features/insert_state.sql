-- Stores a state without its columns.
-- Parameters: $1 smallint, the range; $2 smallint, how many ranges were made together; $3, $4 bigint,
-- the first id and the first after the range (null: no bound); $5, $6 integer, the first and the last
-- hash (null: a span of ids); $7 date, the day; $8 text, the zone; $9 bigint, the tile version; $10
-- bigint, the number of customers; $11 bytea, their ids.
-- Result: state_id bigint; created_at timestamptz.
INSERT INTO features.state (range_number, range_count, first_id, end_id, first_hash, last_hash, day,
  zone, tile_version, customers, ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING state_id, created_at
