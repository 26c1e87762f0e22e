-- The company's keys of some customers.
-- $1 customer_ids.
-- Result: customer_id, customer_key.
SELECT c.customer_id, c.customer_key
FROM facts.customers c
WHERE c.customer_id = ANY ($1::bigint[])
