-- Customers whose past events were changed or taken away, with the span of those events.
-- Parameters: $1 bigint[], the loads that did it.
-- Result: customer_id bigint; first_at, last_at timestamptz (both inside).
SELECT customer_id, min(first_at) AS first_at, max(last_at) AS last_at
FROM facts.touched
WHERE load_id = ANY ($1::bigint[])
GROUP BY customer_id
ORDER BY customer_id
