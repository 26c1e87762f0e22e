-- Marks the ended spells of the deltas that touch a past as_of: what replaces them is written anew.
-- $1 publication_id, $2 the as_of, $3 the as_of published after it.
-- Result: customer_id, segment_id, valid_from, valid_to, closed_in, entered_version, left_version,
-- entered_cause, left_cause.
UPDATE segments.ended_spell e SET superseded_in = $1::integer
FROM segments.delta d
WHERE d.action = 4 AND e.customer_id = d.customer_id AND e.segment_id = d.segment_id
  AND e.superseded_in IS NULL AND e.valid_from <= $3::timestamptz AND e.valid_to >= $2::timestamptz
RETURNING e.customer_id, e.segment_id, e.valid_from, e.valid_to, e.closed_in, e.entered_version,
  e.left_version, e.entered_cause::text AS entered_cause, e.left_cause::text AS left_cause
