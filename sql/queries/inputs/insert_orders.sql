-- Records the orders that a load's purchases (kind 1) name.
-- Parameters: $1 load. Result: none.
INSERT INTO landing.order_key (load_id, order_key)
SELECT DISTINCT $1::bigint, order_key
FROM pg_temp.strata_staged
WHERE reason IS NULL AND kind_id = 1 AND order_key IS NOT NULL
ORDER BY order_key
ON CONFLICT DO NOTHING
