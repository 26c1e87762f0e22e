-- Moves the spells of customers who leave to the ended ones, knowing where they lie: pushed down by
-- customer_id.
-- $1 to $8 as in end_spells.sql; $9 where each spell lies.
-- Inserts a row for each spell ended: those that lie where they are said to.
WITH gone AS (
  DELETE FROM segments.open_spell o
  USING (
    SELECT unnest($1::bigint[]) AS customer_id, unnest($2::integer[]) AS segment_id,
      unnest($3::integer[]) AS version_id, unnest($4::integer[]) AS cause,
      unnest($5::integer[]) AS place, unnest($9::tid[]) AS location
  ) AS d
  WHERE o.ctid = d.location AND o.customer_id = d.customer_id AND o.segment_id = d.segment_id
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
