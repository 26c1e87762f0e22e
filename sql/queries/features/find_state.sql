-- The newest state at the end of a day or earlier.
-- Parameters: $1 smallint, the customer range; $2 date, the last day wanted; $3 text, the zone.
-- Result: state_id bigint; day date; tile_version bigint; ids bytea.
SELECT state_id, day, tile_version, ids
FROM features.state
WHERE range_number = $1 AND day <= $2 AND zone = $3
ORDER BY day DESC
LIMIT 1
