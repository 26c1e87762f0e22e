-- The customers of keys.
-- Parameters: $1 keys. Result: customers, one per key in the order given; NULL for a key that is
-- new.
SELECT array_agg(i.customer_id ORDER BY k.place) AS customers
FROM unnest($1::text[]) WITH ORDINALITY AS k (customer_key, place)
LEFT JOIN landing.identity AS i USING (customer_key)
