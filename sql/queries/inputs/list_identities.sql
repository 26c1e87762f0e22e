-- The customers of keys.
-- Parameters: $1 keys. Result: keys, those that are known, and customers, in the same order.
SELECT array_agg(i.customer_key) AS keys, array_agg(i.customer_id) AS customers
FROM landing.identity AS i
WHERE i.customer_key = ANY ($1::text[])
