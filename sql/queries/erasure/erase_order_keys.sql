-- Removes the keys of orders.
-- $1 text[] orders.
DELETE FROM landing.order_key WHERE order_key = ANY ($1::text[])
