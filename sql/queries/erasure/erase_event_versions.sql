-- Removes earlier versions of the events of customers.
-- $1 bigint[] customers.
-- Result: source_id, event_id, order_key (null for none) of each.
DELETE FROM facts.event_version WHERE customer_id = ANY ($1::bigint[])
RETURNING source_id, event_id, order_key
