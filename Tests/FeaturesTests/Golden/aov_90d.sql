-- aov_90d: money, as of 2024-03-31T09:30:00Z (Europe/Lisbon)
WITH numerator AS (
  SELECT c.customer_id, coalesce(e.value, 0) AS value
  FROM facts.customers AS c
  LEFT JOIN (
    SELECT e.customer_id, coalesce(sum(e.amount) FILTER (WHERE k.name = 'purchase'), 0) AS value
    FROM facts.events AS e
    JOIN facts.event_kind AS k USING (kind_id)
    WHERE k.name IN ('purchase')
      AND e.occurred_at >= timestamptz '2024-01-02T00:00:00Z'
      AND e.occurred_at < timestamptz '2024-03-31T09:30:00Z'
    GROUP BY e.customer_id
  ) AS e USING (customer_id)
  WHERE c.first_seen_at < timestamptz '2024-03-31T09:30:00Z' OR c.first_seen_at IS NULL
), denominator AS (
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
)
SELECT n.customer_id,
       CASE WHEN d.value >= 2
         THEN (n.value * 10000.0)::float8 / (d.value * 10000.0)::float8 END AS value
FROM numerator AS n
JOIN denominator AS d USING (customer_id)
ORDER BY n.customer_id;
