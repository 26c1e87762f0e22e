-- Some customers who entered a segment between two instants, or left it, as believed now: the same every
-- time.
-- $1 the one instant, $2 the other, $3 the segment, $4 whether they entered, $5 how many.
-- Result: customer_key.
SELECT d.customer_key
FROM (
  SELECT h.customer_id, min(h.customer_key) AS customer_key,
    bool_or(h.valid_from <= $1::timestamptz AND (h.valid_to > $1::timestamptz OR h.valid_to IS NULL))
      AS was,
    bool_or(h.valid_from <= $2::timestamptz AND (h.valid_to > $2::timestamptz OR h.valid_to IS NULL))
      AS is_now
  FROM segments.history h
  WHERE h.segment = $3::text
    AND h.valid_from <= greatest($1::timestamptz, $2::timestamptz)
    AND (h.valid_to > least($1::timestamptz, $2::timestamptz) OR h.valid_to IS NULL)
  GROUP BY h.customer_id
) d
WHERE d.is_now = $4::boolean AND d.was <> $4::boolean
ORDER BY hashint8extended(d.customer_id, 0), d.customer_id
LIMIT $5::bigint
