-- Who is believed to be in which segment at an instant.
-- $1 as_of.
-- Result: segment_id, customers (an array of customer_id in no order); a row per segment with any.
SELECT h.segment_id, array_agg(h.customer_id) AS customers
FROM (
  SELECT segment_id, customer_id FROM segments.shown_spell WHERE valid_from <= $1::timestamptz
  UNION ALL
  SELECT segment_id, customer_id FROM segments.ended_spell
  WHERE superseded_in IS NULL AND valid_from <= $1 AND valid_to > $1
) h
GROUP BY h.segment_id
