-- Takes the open spells of the deltas that began until the publication after a past as_of: the records
-- stay, superseded, and what replaces them is written anew.
-- $1 publication_id, $2 the as_of published after it.
-- Result: customer_id, segment_id, valid_from, entered_version, entered_cause.
WITH gone AS (
  DELETE FROM segments.open_spell o USING segments.delta d
  WHERE d.action = 4 AND o.customer_id = d.customer_id AND o.segment_id = d.segment_id
    AND o.valid_from <= $2::timestamptz
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause
), kept AS (
  INSERT INTO segments.ended_spell (
    customer_id, valid_from, segment_id, opened_in, superseded_in, entered_version, entered_cause)
  SELECT customer_id, valid_from, segment_id, opened_in, $1::integer, entered_version,
    entered_cause
  FROM gone
  ORDER BY customer_id, segment_id
)
SELECT customer_id, segment_id, valid_from, entered_version, entered_cause::text AS entered_cause
FROM gone
