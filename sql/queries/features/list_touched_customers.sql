-- Customers with events in some loads.
-- Parameters: $1 bigint[], the loads.
-- Result: customer_id bigint, ascending.
SELECT DISTINCT customer_id FROM facts.events WHERE load_id = ANY ($1::bigint[]) ORDER BY 1
