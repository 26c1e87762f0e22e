-- Gives staged refunds (kind 2) whose order no purchase has named a reason.
-- Parameters: $1 the check's name. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = $1, column_name = 'order'
WHERE s.reason IS NULL AND s.kind_id = 2
  AND NOT EXISTS (SELECT FROM landing.order_key AS o WHERE o.order_key = s.order_key)
  AND (s.order_key IS NULL OR s.order_key NOT IN (
    SELECT p.order_key FROM pg_temp.strata_staged AS p
    WHERE p.reason IS NULL AND p.kind_id = 1 AND p.order_key IS NOT NULL))
