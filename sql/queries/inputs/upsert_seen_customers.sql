-- Adds the customers of events, and moves first_seen_at back where an older event has come.
-- Parameters: none. Result: none.
INSERT INTO facts.customers AS c (customer_id, customer_key, first_seen_at)
SELECT i.customer_id, i.customer_key, a.first_seen_at
FROM pg_temp.strata_arrived AS a
JOIN landing.identity AS i USING (customer_key)
ORDER BY i.customer_id
ON CONFLICT (customer_id) DO UPDATE
SET first_seen_at = least(c.first_seen_at, excluded.first_seen_at)
WHERE c.first_seen_at IS NULL OR excluded.first_seen_at < c.first_seen_at
