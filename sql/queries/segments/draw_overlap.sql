-- Some members of two segments at an instant, as believed now: the same every time.
-- $1 the one, $2 the other, $3 the instant, $4 whether in the one, $5 whether in the other, $6 how many.
-- Result: customer_key.
SELECT b.customer_key
FROM (
  SELECT h.customer_id, min(h.customer_key) AS customer_key,
    bool_or(h.segment = $1::text) AS is_first, bool_or(h.segment = $2::text) AS is_second
  FROM segments.history h
  WHERE h.segment IN ($1::text, $2::text) AND h.valid_from <= $3::timestamptz
    AND (h.valid_to > $3::timestamptz OR h.valid_to IS NULL)
  GROUP BY h.customer_id
) b
WHERE b.is_first = $4::boolean AND b.is_second = $5::boolean
ORDER BY hashint8extended(b.customer_id, 0), b.customer_id
LIMIT $6::bigint
