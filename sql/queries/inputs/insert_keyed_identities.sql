-- Gives new customers their ids, in the order of their keys.
-- Parameters: $1 keys. Result: none; the number of rows is that of new customers.
INSERT INTO landing.identity (customer_key)
SELECT k.customer_key
FROM unnest($1::text[]) AS k (customer_key)
WHERE NOT EXISTS (SELECT FROM landing.identity AS i WHERE i.customer_key = k.customer_key)
ORDER BY k.customer_key COLLATE "C"
ON CONFLICT (customer_key) DO NOTHING
