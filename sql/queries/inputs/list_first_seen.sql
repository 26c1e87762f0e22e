-- When customers were first seen.
-- Parameters: $1 customers. Result: customers, those who were seen, and times, in the same order.
SELECT array_agg(c.customer_id) AS customers, array_agg(c.first_seen_at) AS times
FROM facts.customers AS c
WHERE c.customer_id = ANY ($1::bigint[]) AND c.first_seen_at IS NOT NULL
