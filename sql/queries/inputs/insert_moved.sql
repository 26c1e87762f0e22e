-- Which customers become which.
-- Parameters: $1 text[] keys that cease, $2 text[] keys of the customers that stay. Result: none.
INSERT INTO pg_temp.strata_moved (from_id, to_id)
SELECT f.customer_id, t.customer_id
FROM unnest($1::text[], $2::text[]) AS v (from_key, to_key)
JOIN landing.identity AS f ON f.customer_key = v.from_key
JOIN landing.identity AS t ON t.customer_key = v.to_key
