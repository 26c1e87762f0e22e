-- Removes the events of customers.
-- $1 bigint[] customers, of whom the earliest was first seen at $2 or has no such time (null).
-- Result: source_id, event_id, order_key (null for none) of each.
DELETE FROM facts.events
WHERE customer_id = ANY ($1::bigint[])
  AND ($2::timestamptz IS NULL OR occurred_at >= $2::timestamptz)
RETURNING source_id, event_id, order_key
