-- The tiles' version and zone.
-- Parameters: none.
-- Result: version bigint; zone text (null before the first fold).
SELECT version, zone FROM features.tiles
