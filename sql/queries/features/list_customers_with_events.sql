-- Customers with events in a half-open span of time, as far as the tiles know them.
-- Parameters: $1, $2 timestamptz, the span.
-- Result: customer_id bigint, ascending.
SELECT DISTINCT e.customer_id
FROM facts.events AS e
WHERE e.occurred_at >= $1 AND e.occurred_at < $2
  AND EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)
ORDER BY 1
