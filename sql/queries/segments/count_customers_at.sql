-- How many customers were known at an instant.
-- $1 the instant.
-- Result: customers.
SELECT count(*) AS customers
FROM facts.customers c
WHERE c.first_seen_at < $1::timestamptz OR c.first_seen_at IS NULL
