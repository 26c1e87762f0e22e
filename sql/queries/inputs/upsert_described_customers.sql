-- Adds or changes the customers of a customer source: given attributes replace older ones.
-- Parameters: none. Result: none.
INSERT INTO facts.customers AS c (customer_id, customer_key, first_seen_at, profile)
SELECT i.customer_id, i.customer_key, s.occurred_at, coalesce(s.properties, '{}')
FROM pg_temp.strata_staged AS s
JOIN landing.identity AS i USING (customer_key)
WHERE s.reason IS NULL
ORDER BY i.customer_id
ON CONFLICT (customer_id) DO UPDATE
SET first_seen_at = least(c.first_seen_at, excluded.first_seen_at),
  profile = c.profile || excluded.profile
