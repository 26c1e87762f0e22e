-- Finished loads whose events are not in the tiles yet.
-- Parameters: none.
-- Result: load_id bigint; first_occurred_at, last_occurred_at timestamptz (null without events).
SELECT l.load_id, l.first_occurred_at, l.last_occurred_at
FROM landing.load AS l
WHERE l.state = 'loaded' AND l.finished_at IS NOT NULL AND NOT l.is_folded
ORDER BY l.load_id
