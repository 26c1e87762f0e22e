-- Moves the spells of customers who leave to the ended ones: pushed down by customer_id.
-- Arrays, a spell each: $1 customer_id, $2 segment_id, $3 the rule version that decided, $4 the place of
-- its cause in $8, $5 the place of its publication in $6, publication_ids, and $7, their as_of.
-- $9 and $10 the least and the greatest customer_id: where many spells end, those of the customers
-- between them are read in order.
-- Result: one row: ended = spells ended. They are written in the order of the arrays, that
-- of customers, whose block ranges find them.
WITH gone AS (
  DELETE FROM segments.open_spell o
  USING unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
    AS d(customer_id, segment_id, version_id, cause, place)
  WHERE o.customer_id = d.customer_id AND o.segment_id = d.segment_id
    AND o.customer_id BETWEEN $9::bigint AND $10::bigint
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
