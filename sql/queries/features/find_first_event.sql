-- A time before which there is no event, as far as loads tell.
-- Parameters: none.
-- Result: first_occurred_at timestamptz (null without events).
SELECT min(first_occurred_at) AS first_occurred_at FROM landing.load WHERE state = 'loaded'
