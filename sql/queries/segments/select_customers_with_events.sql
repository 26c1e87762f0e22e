-- Customers with events since the publication before: those that happened since its as_of, and
-- late ones that were loaded since.
-- $1 as_of of the publication before, $2 as_of now, $3 published_at of the publication before.
-- Result: customers, an array of customer_id in no order; null where there are none.
-- Sub-selects in place of a join, so that months are pruned and the load's own block ranges serve.
WITH late AS (
  SELECT load_id, first_occurred_at FROM landing.load
  WHERE state = 'loaded' AND finished_at > $3::timestamptz AND first_occurred_at < $1
)
SELECT array_agg(customer_id) AS customers
FROM (
  SELECT customer_id FROM facts.events
  WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
  UNION
  SELECT customer_id FROM facts.events
  WHERE occurred_at < $1 AND occurred_at >= (SELECT min(first_occurred_at) FROM late)
    AND load_id = ANY (ARRAY(SELECT load_id FROM late))
) e
