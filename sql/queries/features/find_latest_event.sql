-- The latest time of any event in the tiles.
-- Parameters: none.
-- Result: latest timestamptz, null without events.
SELECT max(last_occurred_at) AS latest FROM landing.load WHERE is_folded
