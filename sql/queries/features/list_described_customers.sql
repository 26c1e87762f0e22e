-- Customers of whom some loads said something.
-- Parameters: $1 bigint[], the loads.
-- Result: customer_id bigint.
SELECT DISTINCT customer_id FROM facts.profile_statement WHERE load_id = ANY ($1::bigint[])
