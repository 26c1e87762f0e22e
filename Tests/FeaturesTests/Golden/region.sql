-- region: text, as of 2024-03-31T09:30:00Z (Europe/Lisbon)
SELECT c.customer_id, CASE WHEN c.value IN ('north', 'l''est') THEN c.value ELSE 'elsewhere' END AS value
FROM (
  SELECT c.customer_id, CASE c.value WHEN '1' THEN 'north' WHEN '2' THEN 'l''est' END AS value
  FROM (
    SELECT c.customer_id, p.attributes ->> 'zip' AS value
    FROM facts.customers AS c
    LEFT JOIN facts.customer_profile AS p
      ON p.customer_id = c.customer_id AND p.recorded_to = 'infinity'
      AND p.valid_from < timestamptz '2024-03-31T09:30:00Z' AND p.valid_to >= timestamptz '2024-03-31T09:30:00Z'
    WHERE c.first_seen_at < timestamptz '2024-03-31T09:30:00Z' OR c.first_seen_at IS NULL
  ) AS c
) AS c
ORDER BY c.customer_id;
