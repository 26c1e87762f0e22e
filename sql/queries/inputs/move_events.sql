-- Gives the events of strata_moved to the customers that stay, keeps the versions they had, and
-- records whom that concerns. No customer has events before it was first seen: that spares the
-- partitions before.
-- Parameters: $1 load, $2 when. Result: none; the number of rows is that of events.
WITH gone AS (
  DELETE FROM facts.events AS e
  USING pg_temp.strata_moved AS m
  WHERE e.customer_id = m.from_id
    AND e.occurred_at >= (
      SELECT min(c.first_seen_at)
      FROM facts.customers AS c JOIN pg_temp.strata_moved AS s ON s.from_id = c.customer_id)
  RETURNING e.*, m.to_id
), kept AS (
  INSERT INTO facts.event_version (
    customer_id, occurred_at, recorded_from, recorded_to, load_id, kind_id, source_id, cause, item,
    quantity, amount, currency, properties, event_id, order_key)
  SELECT customer_id, occurred_at, ingested_at, $2, load_id, kind_id, source_id, 'merge', item,
    quantity, amount, currency, properties, event_id, order_key
  FROM gone
), touched AS (
  INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
  SELECT who.customer_id, $1, min(g.occurred_at), max(g.occurred_at), $2, 'merge'
  FROM gone AS g
  CROSS JOIN LATERAL (VALUES (g.customer_id), (g.to_id)) AS who (customer_id)
  GROUP BY who.customer_id
)
INSERT INTO facts.events (
  customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, item, quantity, amount,
  currency, properties, event_id, order_key)
SELECT to_id, occurred_at, $2, load_id, kind_id, source_id, item, quantity, amount, currency,
  properties, event_id, order_key
FROM gone
ORDER BY occurred_at
