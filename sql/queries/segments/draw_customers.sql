-- A sample of the customers known at an instant: as if by chance, and the same every time.
-- $1 the instant, $2 how many.
-- Result: customer_id.
SELECT c.customer_id
FROM facts.customers c
WHERE c.first_seen_at < $1::timestamptz OR c.first_seen_at IS NULL
ORDER BY hashint8extended(c.customer_id, 0), c.customer_id
LIMIT $2::bigint
