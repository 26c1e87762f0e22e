-- Which of some customers are known at an instant.
-- Parameters: $1 bigint[], the customers; $2 timestamptz.
-- Result: customer_id bigint, ascending.
SELECT customer_id
FROM facts.customers
WHERE customer_id = ANY ($1::bigint[]) AND (first_seen_at < $2 OR first_seen_at IS NULL)
ORDER BY customer_id
