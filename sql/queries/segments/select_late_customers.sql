-- Customers whose earlier events were loaded since a publication.
-- $1 as_of of the publication: the events happened before, $2 its published_at.
-- Result: customers, an array of customer_id in no order, some of them more than once; null where
-- there are none.
-- Sub-selects in place of a join, so that months are pruned and the load's own block ranges serve.
WITH late AS (
  SELECT load_id, first_occurred_at FROM landing.load
  WHERE state = 'loaded' AND finished_at > $2::timestamptz AND first_occurred_at < $1::timestamptz
)
SELECT array_agg(customer_id) AS customers
FROM facts.events
WHERE occurred_at < $1 AND occurred_at >= (SELECT min(first_occurred_at) FROM late)
  AND load_id = ANY (ARRAY(SELECT load_id FROM late))
