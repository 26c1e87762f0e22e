-- Moves the spells of customers who leave at one of several publications to the ended ones: pushed
-- down by customer_id.
-- $1 and $2 arrays: publication_id and its as_of; $3 and $4 arrays: segment_id and the version that
-- decided.
-- Result: rows affected = spells ended. In the order of customers, whose block ranges find them.
WITH gone AS (
  DELETE FROM segments.open_spell o USING segments.delta d
  WHERE d.action = 1 AND o.customer_id = d.customer_id AND o.segment_id = d.segment_id
  RETURNING o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version,
    o.entered_cause, d.cause, d.closed_in
)
INSERT INTO segments.ended_spell (
  customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
  left_version, entered_cause, left_cause)
SELECT g.customer_id, g.valid_from, p.as_of, g.segment_id, g.opened_in, g.closed_in,
  g.entered_version, v.version_id, g.entered_cause, g.cause
FROM gone g
JOIN unnest($1::integer[], $2::timestamptz[]) AS p(publication_id, as_of)
  ON p.publication_id = g.closed_in
JOIN unnest($3::integer[], $4::integer[]) AS v(segment_id, version_id)
  ON v.segment_id = g.segment_id
ORDER BY g.customer_id, g.segment_id
