-- Customers with events in a span of time.
-- $1 the first instant, $2 the first one after it.
-- Result: customers, an array of customer_id in no order, some of them more than once; null where
-- there are none.
SELECT array_agg(customer_id) AS customers
FROM facts.events
WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
