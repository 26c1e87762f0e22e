-- The loads by which features built from the tiles, and features as known at an instant, may differ: those
-- that ended later or are in no tile yet, and brought something that counts at the instant of the features.
-- Parameters: $1 timestamptz, the instant of knowledge (infinity: now); $2 timestamptz, the instant of the
-- features.
-- Result: load_id bigint
SELECT l.load_id
FROM landing.load AS l
WHERE l.state = 'loaded' AND (l.finished_at > $1 OR NOT l.is_folded)
  AND (l.first_occurred_at < $2 OR l.first_occurred_at IS NULL)
ORDER BY l.load_id
