-- Customers that are first seen in a span of time.
-- Parameters: $1, $2 timestamptz, the span, half-open.
-- Result: customer_id bigint.
SELECT customer_id FROM facts.customers WHERE first_seen_at >= $1 AND first_seen_at < $2
