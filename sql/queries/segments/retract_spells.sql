-- Takes back entries recorded at this as_of that turned out wrong; the records stay, superseded.
-- $1 publication_id, $2 as_of.
-- Result: rows affected = spells retracted.
WITH gone AS (
  DELETE FROM segments.open_spell o USING segments.delta d
  WHERE d.action = 2 AND o.customer_id = d.customer_id AND o.segment_id = d.segment_id
    AND o.valid_from = $2::timestamptz
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause
)
INSERT INTO segments.ended_spell (
  customer_id, valid_from, segment_id, opened_in, superseded_in, entered_version, entered_cause)
SELECT customer_id, valid_from, segment_id, opened_in, $1::integer, entered_version, entered_cause
FROM gone
