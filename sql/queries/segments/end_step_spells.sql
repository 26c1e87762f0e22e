-- Moves the spells of few customers to the ended ones.
-- $1 publication_id, $2 as_of; arrays: $3 customer_id, $4 segment_id, $5 rule version, $6 cause.
-- Result: one row: ended = spells ended.
WITH gone AS (
  DELETE FROM segments.open_spell o
  USING unnest($3::bigint[], $4::integer[], $5::integer[], $6::text[])
    AS d(customer_id, segment_id, version_id, cause)
  WHERE o.customer_id = d.customer_id AND o.segment_id = d.segment_id
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause, d.version_id, d.cause
), moved AS (
  INSERT INTO segments.ended_spell (
    customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
    left_version, entered_cause, left_cause)
  SELECT g.customer_id, g.valid_from, $2::timestamptz, g.segment_id, g.opened_in, $1::integer,
    g.entered_version, g.version_id, g.entered_cause, g.cause::segments.cause
  FROM gone g
  RETURNING 1
)
SELECT count(*) AS ended FROM moved
