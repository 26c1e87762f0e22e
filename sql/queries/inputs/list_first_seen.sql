-- When customers were first seen.
-- Parameters: $1 customers. Result: customer_id, first_seen_at; no row for one who was not seen.
SELECT customer_id, first_seen_at
FROM facts.customers
WHERE customer_id = ANY ($1) AND first_seen_at IS NOT NULL
