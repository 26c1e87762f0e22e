-- Moves the spells of customers who leave to the ended ones: pushed down by customer_id.
-- Arrays, a spell each: $1 customer_id, $2 segment_id, $3 the rule version that decided, $4 the place of
-- its cause in $8, $5 the place of its publication in $6, publication_ids, and $7, their as_of.
-- $9 and $10 the least and the greatest customer_id: where many spells end, those of the customers
-- between them are read in order.
-- Inserts a row for each spell ended, in the order of the arrays: that of customers, whose block ranges
-- find them.
-- Arrays are unnested where they are selected: in FROM each is first kept as a table of its own.
WITH gone AS (
  DELETE FROM segments.open_spell o
  USING (
    SELECT unnest($1::bigint[]) AS customer_id, unnest($2::integer[]) AS segment_id,
      unnest($3::integer[]) AS version_id, unnest($4::integer[]) AS cause,
      unnest($5::integer[]) AS place
  ) AS d
  WHERE o.customer_id = d.customer_id AND o.segment_id = d.segment_id
    AND o.customer_id BETWEEN $9::bigint AND $10::bigint
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause, d.version_id, d.cause, d.place
)
INSERT INTO segments.ended_spell (
  customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
  left_version, entered_cause, left_cause)
SELECT g.customer_id, g.valid_from, ($7::timestamptz[])[g.place], g.segment_id, g.opened_in,
  ($6::integer[])[g.place], g.entered_version, g.version_id, g.entered_cause,
  ((SELECT $8::text[]::segments.cause[]))[g.cause]
FROM gone g
