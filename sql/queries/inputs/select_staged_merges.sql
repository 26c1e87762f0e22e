-- A load's good merges in the order in which they happened, with who owns their keys now.
-- Parameters: none. Result: line; from_key, to_key; merged_at; from_owner, to_owner (the customer's
-- own key; NULL for a key that is unknown).
WITH owner AS MATERIALIZED (
  SELECT customer_id, customer_key
  FROM facts.customers
  WHERE customer_id = ANY (ARRAY(
    SELECT i.customer_id
    FROM landing.identity AS i
    WHERE i.customer_key IN (
      SELECT customer_key FROM pg_temp.strata_staged WHERE reason IS NULL
      UNION
      SELECT event_id FROM pg_temp.strata_staged WHERE reason IS NULL)))
)
SELECT s.line, s.customer_key AS from_key, s.event_id AS to_key, s.occurred_at AS merged_at,
  fc.customer_key AS from_owner, tc.customer_key AS to_owner
FROM pg_temp.strata_staged AS s
LEFT JOIN landing.identity AS f ON f.customer_key = s.customer_key
LEFT JOIN owner AS fc ON fc.customer_id = f.customer_id
LEFT JOIN landing.identity AS t ON t.customer_key = s.event_id
LEFT JOIN owner AS tc ON tc.customer_id = t.customer_id
WHERE s.reason IS NULL
ORDER BY s.occurred_at, s.line
