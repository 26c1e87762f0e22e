-- The customer of a key with everyone who was merged into it, and all their keys.
-- $1 the company's key.
-- Result: one row: ids (bigint[]; the customer first), keys (text[]); null where nobody has the key.
WITH RECURSIVE people (customer_id) AS (
  SELECT i.customer_id FROM landing.identity AS i WHERE i.customer_key = $1::text
  UNION
  SELECT m.from_id FROM landing.merge AS m JOIN people AS p ON m.to_id = p.customer_id
  WHERE m.from_id IS NOT NULL
), keys (customer_key) AS (
  SELECT i.customer_key FROM landing.identity AS i JOIN people AS p USING (customer_id)
  UNION
  SELECT k.customer_key
  FROM landing.merge AS m
  CROSS JOIN LATERAL (VALUES (m.from_key), (m.to_key)) AS k (customer_key)
  WHERE m.to_id IN (SELECT p.customer_id FROM people AS p)
)
SELECT
  (SELECT array_agg(p.customer_id ORDER BY i.customer_id IS NULL, p.customer_id)
    FROM people AS p
    LEFT JOIN landing.identity AS i
      ON i.customer_id = p.customer_id AND i.customer_key = $1::text) AS ids,
  (SELECT array_agg(k.customer_key ORDER BY k.customer_key) FROM keys AS k) AS keys
