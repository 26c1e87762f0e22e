-- Moves the spells of customers who leave to the ended ones, knowing where they lie: pushed down by
-- customer_id.
-- $1 to $8 as in end_spells.sql; $9 where each spell lies.
-- Result: one row: ended = spells ended: those that lie where they are said to.
WITH gone AS (
  DELETE FROM segments.open_spell o
  USING unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $9::tid[])
    AS d(customer_id, segment_id, version_id, cause, place, location)
  WHERE o.ctid = d.location AND o.customer_id = d.customer_id AND o.segment_id = d.segment_id
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause, d.version_id, d.cause, d.place
), moved AS (
  INSERT INTO segments.ended_spell (
    customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
    left_version, entered_cause, left_cause)
  SELECT g.customer_id, g.valid_from, ($7::timestamptz[])[g.place], g.segment_id, g.opened_in,
    ($6::integer[])[g.place], g.entered_version, g.version_id, g.entered_cause,
    ((SELECT $8::text[]::segments.cause[]))[g.cause]
  FROM gone g
  RETURNING 1
)
SELECT count(*) AS ended FROM moved
