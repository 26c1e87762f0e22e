-- Gives a load the span of everything that it changed, also of versions that it replaced or moved:
-- whoever looks for loads that concern a past day finds it.
-- Parameters: $1 load, $2 whether its own rows are events. Result: none.
WITH span AS MATERIALIZED (
  SELECT min(first_at) AS first_at, max(last_at) AS last_at
  FROM facts.touched
  WHERE load_id = $1
)
UPDATE landing.load AS l
SET first_occurred_at = least(CASE WHEN $2::boolean THEN l.first_occurred_at END, s.first_at),
  last_occurred_at = greatest(CASE WHEN $2::boolean THEN l.last_occurred_at END, s.last_at)
FROM span AS s
WHERE l.load_id = $1
