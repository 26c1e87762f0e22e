-- How the members of two segments overlap at an instant, as believed now.
-- $1 the one, $2 the other, $3 the instant.
-- Result: in_both, in_first, in_second (in one only).
SELECT count(*) FILTER (WHERE b.is_first AND b.is_second) AS in_both,
  count(*) FILTER (WHERE b.is_first AND NOT b.is_second) AS in_first,
  count(*) FILTER (WHERE b.is_second AND NOT b.is_first) AS in_second
FROM (
  SELECT h.customer_id, bool_or(h.segment = $1::text) AS is_first,
    bool_or(h.segment = $2::text) AS is_second
  FROM segments.history h
  WHERE h.segment IN ($1::text, $2::text) AND h.valid_from <= $3::timestamptz
    AND (h.valid_to > $3::timestamptz OR h.valid_to IS NULL)
  GROUP BY h.customer_id
) b
