-- Takes back leavings recorded at this as_of that turned out wrong: the ended record stays,
-- superseded, and the spell goes on from where it began.
-- $1 publication_id, $2 as_of.
-- Result: rows affected = spells reopened.
WITH undone AS (
  UPDATE segments.ended_spell e SET superseded_in = $1::integer
  FROM segments.delta d
  WHERE d.action = 3 AND e.customer_id = d.customer_id AND e.segment_id = d.segment_id
    AND e.valid_to = $2::timestamptz AND e.superseded_in IS NULL
  RETURNING e.customer_id, e.valid_from, e.segment_id, e.entered_version, e.entered_cause
)
INSERT INTO segments.open_spell (
  customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
SELECT customer_id, valid_from, segment_id, $1::integer, entered_version, entered_cause
FROM undone
