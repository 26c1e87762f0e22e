-- Records merges, with the customers that cease to be as they were.
-- Parameters: $1 text[] from, $2 text[] to, $3 timestamptz[] when, $4 load, $5 when it is recorded.
-- Result: none.
WITH gone AS MATERIALIZED (
  SELECT customer_id, first_seen_at, profile
  FROM facts.customers
  WHERE customer_id = ANY (ARRAY(SELECT from_id FROM pg_temp.strata_moved))
)
INSERT INTO landing.merge (
  merged_at, recorded_at, load_id, from_id, to_id, first_seen_at, from_key, to_key, profile)
SELECT v.merged_at, $5, $4, m.from_id, coalesce(m.to_id, t.customer_id), c.first_seen_at,
  v.from_key, v.to_key, c.profile
FROM unnest($1::text[], $2::text[], $3::timestamptz[])
  WITH ORDINALITY AS v (from_key, to_key, merged_at, place)
JOIN landing.identity AS t ON t.customer_key = v.to_key
LEFT JOIN landing.identity AS f ON f.customer_key = v.from_key
LEFT JOIN pg_temp.strata_moved AS m ON m.from_id = f.customer_id
LEFT JOIN gone AS c ON c.customer_id = m.from_id
ORDER BY v.place
