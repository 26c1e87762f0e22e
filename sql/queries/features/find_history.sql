-- How many events are folded, and over which time.
-- Parameters: none.
-- Result: events bigint; first_at, last_at timestamptz, null without events.
SELECT coalesce(sum(l.rows_accepted), 0)::bigint AS events, min(l.first_occurred_at) AS first_at,
  max(l.last_occurred_at) AS last_at
FROM features.folded_load AS f
JOIN landing.load AS l USING (load_id)
