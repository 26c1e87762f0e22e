-- Gives new customers their ids, in the order of their keys.
-- Parameters: none. Result: none; the number of rows is that of new customers.
INSERT INTO landing.identity (customer_key)
SELECT customer_key
FROM pg_temp.strata_arrived AS a
WHERE NOT EXISTS (SELECT FROM landing.identity AS i WHERE i.customer_key = a.customer_key)
ORDER BY customer_key
ON CONFLICT (customer_key) DO NOTHING
