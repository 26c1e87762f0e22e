-- The smallest and the greatest customer.
-- Parameters: none.
-- Result: first, last bigint; null without customers.
SELECT min(customer_id) AS first, max(customer_id) AS last FROM facts.customers
