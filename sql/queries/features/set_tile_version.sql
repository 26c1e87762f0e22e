-- Moves the tiles to a version.
-- Parameters: $1 bigint, the version; $2 text, the zone of the days.
-- Result: none.
UPDATE features.tiles SET version = $1, zone = $2
