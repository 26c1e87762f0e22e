-- Customers that others were merged into since a publication, and those that ceased to be.
-- $1 its published_at.
-- Result: customers, an array of customer_id in no order, some of them more than once or null; null
-- where there are none.
SELECT array_agg(m.customer_id) AS customers
FROM (
  SELECT unnest(ARRAY[to_id, from_id]) AS customer_id
  FROM landing.merge WHERE recorded_at > $1::timestamptz
) m
