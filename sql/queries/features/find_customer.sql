-- The customer whose key it is, or was at an instant: merges recorded later have not happened then.
-- Parameters: $1 text, the key; $2 timestamptz, the instant (infinity: now).
-- Result: customer_id bigint; no row for a key that is unknown, null for one unknown then.
WITH RECURSIVE owner AS (
  SELECT CASE
      WHEN m.from_key IS NULL THEN i.customer_id
      WHEN m.recorded_at > $2 THEN m.from_id
      ELSE m.to_id
    END AS customer_id
  FROM landing.identity AS i
  LEFT JOIN landing.merge AS m ON m.from_key = i.customer_key
  WHERE i.customer_key = $1
  UNION
  SELECT m.to_id
  FROM owner AS o
  JOIN landing.merge AS m ON m.from_id = o.customer_id
  WHERE m.recorded_at <= $2
)
SELECT o.customer_id
FROM owner AS o
WHERE NOT EXISTS (
  SELECT FROM landing.merge AS m WHERE m.from_id = o.customer_id AND m.recorded_at <= $2)
