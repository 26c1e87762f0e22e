-- Turns accepted staged rows into events, in order of time, which keeps
-- the BRIN indexes narrow where the file was not in that order.
-- Parameters: $1 source, $2 load, $3 when they came in. Result: none.
INSERT INTO facts.events (
  customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, item, quantity, amount,
  currency, properties, event_id, order_key)
SELECT i.customer_id, s.occurred_at, $3, $2, s.kind_id, $1, s.item, s.quantity, s.amount,
  s.currency, s.properties, s.event_id, s.order_key
FROM pg_temp.strata_staged AS s
JOIN landing.identity AS i USING (customer_key)
WHERE s.reason IS NULL
ORDER BY s.occurred_at
