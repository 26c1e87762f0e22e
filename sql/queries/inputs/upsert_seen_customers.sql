-- Adds the customers of a load, and moves first_seen_at back where something older has come; keeps
-- when that became known.
-- Those who stay as they are are left out before: a conflict locks and logs each row. Two keys may
-- belong to one customer, whose row a statement may change only once.
-- Parameters: $1 when. Result: none.
WITH seen AS (
  INSERT INTO facts.customers AS c (customer_id, customer_key, first_seen_at)
  SELECT i.customer_id, min(i.customer_key), min(a.first_seen_at)
  FROM pg_temp.strata_arrived AS a
  JOIN landing.identity AS i USING (customer_key)
  LEFT JOIN facts.customers AS k USING (customer_id)
  WHERE k.customer_id IS NULL OR k.first_seen_at IS NULL OR a.first_seen_at < k.first_seen_at
  GROUP BY i.customer_id
  ORDER BY i.customer_id
  ON CONFLICT (customer_id) DO UPDATE
  SET first_seen_at = least(c.first_seen_at, excluded.first_seen_at)
  WHERE c.first_seen_at IS NULL OR excluded.first_seen_at < c.first_seen_at
  RETURNING c.customer_id, c.first_seen_at
)
INSERT INTO facts.customer_record (customer_id, recorded_at, first_seen_at)
SELECT customer_id, $1::timestamptz, first_seen_at FROM seen
