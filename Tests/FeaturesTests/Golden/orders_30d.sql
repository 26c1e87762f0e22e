-- orders_30d: count, last 30 days, as of 2024-03-31T09:30:00Z (Europe/Lisbon)
SELECT c.customer_id, coalesce(e.value, 0) AS value
FROM facts.customers AS c
LEFT JOIN (
  SELECT e.customer_id, count(*) FILTER (WHERE k.name = 'purchase') AS value
  FROM facts.events AS e
  JOIN facts.event_kind AS k USING (kind_id)
  WHERE k.name IN ('purchase')
    AND e.occurred_at >= timestamptz '2024-03-02T00:00:00Z'
    AND e.occurred_at < timestamptz '2024-03-31T09:30:00Z'
  GROUP BY e.customer_id
) AS e USING (customer_id)
WHERE c.first_seen_at < timestamptz '2024-03-31T09:30:00Z' OR c.first_seen_at IS NULL
ORDER BY c.customer_id;
