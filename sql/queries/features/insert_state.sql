-- Stores a state without its columns.
-- Parameters: $1 smallint, the range; $2 date, the day; $3 text, the zone; $4 bigint, the tile
-- version; $5 bigint, the number of customers; $6 bytea, their ids.
-- Result: state_id bigint.
INSERT INTO features.state (range_number, day, zone, tile_version, customers, ids)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING state_id
