-- Ends the customers of strata_moved; those that stay were seen since the earliest of them.
-- Parameters: $1 when. Result: none.
WITH gone AS (
  DELETE FROM facts.customers AS c
  USING pg_temp.strata_moved AS m
  WHERE c.customer_id = m.from_id
  RETURNING c.customer_id, m.to_id, c.first_seen_at
), earlier AS (
  UPDATE facts.customers AS k
  SET first_seen_at = least(k.first_seen_at, g.first_seen_at)
  FROM (SELECT to_id, min(first_seen_at) AS first_seen_at FROM gone GROUP BY to_id) AS g
  WHERE k.customer_id = g.to_id AND g.first_seen_at IS NOT NULL
  RETURNING k.customer_id, k.first_seen_at
)
INSERT INTO facts.customer_record (customer_id, recorded_at, first_seen_at, is_end)
SELECT customer_id, $1::timestamptz, first_seen_at, true FROM gone
UNION ALL
SELECT customer_id, $1::timestamptz, first_seen_at, false FROM earlier
