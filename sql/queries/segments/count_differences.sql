-- How the members of segments differ between two instants, as believed now.
-- $1 the one instant, $2 the other, $3 a segment or null for all.
-- Result: segment, members_then, members_now, entered, left (between them).
SELECT d.segment, count(*) FILTER (WHERE d.was) AS members_then,
  count(*) FILTER (WHERE d.is_now) AS members_now,
  count(*) FILTER (WHERE d.is_now AND NOT d.was) AS entered,
  count(*) FILTER (WHERE d.was AND NOT d.is_now) AS "left"
FROM (
  SELECT h.customer_id, h.segment,
    bool_or(h.valid_from <= $1::timestamptz AND (h.valid_to > $1::timestamptz OR h.valid_to IS NULL))
      AS was,
    bool_or(h.valid_from <= $2::timestamptz AND (h.valid_to > $2::timestamptz OR h.valid_to IS NULL))
      AS is_now
  FROM segments.history h
  WHERE ($3::text IS NULL OR h.segment = $3::text)
    AND h.valid_from <= greatest($1::timestamptz, $2::timestamptz)
    AND (h.valid_to > least($1::timestamptz, $2::timestamptz) OR h.valid_to IS NULL)
  GROUP BY h.customer_id, h.segment
) d
GROUP BY d.segment
ORDER BY d.segment
