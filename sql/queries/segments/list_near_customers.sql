-- Customers whose keys stand around one that is unknown, in the order of keys, and the same key in
-- another case.
-- $1 the key, $2 how many on each side.
-- Result: customer_key.
SELECT a.customer_key
FROM (
  SELECT i.customer_key FROM landing.identity i
  WHERE i.customer_key >= $1::text ORDER BY i.customer_key LIMIT $2::bigint) a
UNION
SELECT b.customer_key
FROM (
  SELECT i.customer_key FROM landing.identity i
  WHERE i.customer_key < $1::text ORDER BY i.customer_key DESC LIMIT $2::bigint) b
UNION
SELECT c.customer_key
FROM (
  SELECT i.customer_key FROM landing.identity i
  WHERE i.customer_key IN (upper($1::text), lower($1::text), btrim($1::text))) c
