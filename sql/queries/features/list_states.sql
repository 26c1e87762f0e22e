-- The stored states up to the end of a day, the newest day first.
-- Parameters: $1 date, the last day wanted; $2 text, the zone.
-- Result: state_id bigint; created_at timestamptz; day date; tile_version bigint; customers bigint;
-- range_number, range_count smallint; first_id, end_id bigint; first_hash, last_hash integer (see
-- features.state).
SELECT state_id, created_at, day, tile_version, customers, range_number, range_count, first_id,
  end_id, first_hash, last_hash
FROM features.state
WHERE day <= $1 AND zone = $2
ORDER BY day DESC, range_number
