-- Customers whose past events were changed or taken away by loads folded after a version.
-- Parameters: $1 bigint, a tile version.
-- Result: customer_id bigint, ascending.
SELECT DISTINCT t.customer_id
FROM features.folded_load AS f
JOIN facts.touched AS t USING (load_id)
WHERE f.version > $1
ORDER BY t.customer_id
