-- Loads folded after a version, with events before an instant.
-- Parameters: $1 bigint, a tile version (0: all loads); $2 timestamptz.
-- Result: load_id bigint; first_occurred_at, last_occurred_at timestamptz; rows_accepted bigint.
SELECT l.load_id, l.first_occurred_at, l.last_occurred_at, l.rows_accepted
FROM features.folded_load AS f
JOIN landing.load AS l USING (load_id)
WHERE f.version > $1 AND l.first_occurred_at < $2
ORDER BY l.load_id
