-- Customers of whom a statement begins to hold in a span of time.
-- Parameters: $1, $2 timestamptz, the span, half-open.
-- Result: customer_id bigint.
SELECT DISTINCT customer_id
FROM facts.customer_profile
WHERE recorded_to = 'infinity' AND valid_from >= $1 AND valid_from < $2
