-- How many customers are known.
-- Parameters: none.
-- Result: customers bigint.
SELECT count(*) AS customers FROM facts.customers
