-- Customers of whom something came since the publication before.
-- $1 as_of of the publication before, $2 as_of now, $3 published_at of the publication before.
-- Result: why, customers (an array of customer_id in no order, some more than once); a row each of
-- active: events happened since its as_of; late: earlier events were loaded since; merged: others
-- were merged into them since, or they ceased to be.
-- Sub-selects in place of a join, so that months are pruned and the load's own block ranges serve.
WITH late AS (
  SELECT load_id, first_occurred_at FROM landing.load
  WHERE state = 'loaded' AND finished_at > $3::timestamptz AND first_occurred_at < $1
)
SELECT e.why, array_agg(e.customer_id) AS customers
FROM (
  SELECT 'active' AS why, customer_id FROM facts.events
  WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
  UNION ALL
  SELECT 'late', customer_id FROM facts.events
  WHERE occurred_at < $1 AND occurred_at >= (SELECT min(first_occurred_at) FROM late)
    AND load_id = ANY (ARRAY(SELECT load_id FROM late))
  UNION ALL
  SELECT 'merged', unnest(ARRAY[to_id, from_id]) FROM landing.merge WHERE recorded_at > $3
) e
GROUP BY e.why
