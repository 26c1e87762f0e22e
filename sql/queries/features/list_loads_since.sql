-- Loads that were folded after a version, and those that are not folded yet.
-- Parameters: $1 bigint, a tile version.
-- Result: load_id bigint; first_occurred_at, last_occurred_at timestamptz (null without events);
-- finished_at timestamptz; is_folded boolean.
SELECT l.load_id, l.first_occurred_at, l.last_occurred_at, l.finished_at, l.is_folded
FROM landing.load AS l
WHERE l.load_id = ANY (ARRAY(SELECT f.load_id FROM features.folded_load AS f WHERE f.version > $1))
  OR (l.state = 'loaded' AND l.finished_at IS NOT NULL AND NOT l.is_folded)
ORDER BY l.load_id
