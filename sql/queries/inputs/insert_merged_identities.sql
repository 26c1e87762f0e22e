-- Keys that were merged before anything came of them.
-- Parameters: $1 text[] keys, $2 text[] keys of the customers that stay. Result: none.
INSERT INTO landing.identity (customer_id, customer_key)
SELECT t.customer_id, v.from_key
FROM unnest($1::text[], $2::text[]) AS v (from_key, to_key)
JOIN landing.identity AS t ON t.customer_key = v.to_key
ON CONFLICT (customer_key) DO NOTHING
