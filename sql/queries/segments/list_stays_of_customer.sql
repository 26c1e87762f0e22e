-- The stays of a customer in segments that began at an instant or before it, as recorded up to a
-- publication: the newest of each segment.
-- $1 customer_id, $2 the instant, $3 publication_id.
-- Result: segment, valid_from, valid_to (null while it lasts), entered_cause, left_cause, entered_run,
-- left_run, entered_version.
SELECT DISTINCT ON (h.segment_id) s.name AS segment, h.valid_from, h.valid_to,
  h.entered_cause::text AS entered_cause, h.left_cause::text AS left_cause, o.run_id AS entered_run,
  c.run_id AS left_run, v.hash AS entered_version
FROM (
  SELECT customer_id, segment_id, valid_from, NULL::timestamptz AS valid_to, entered_cause,
    NULL::segments.cause AS left_cause, opened_in, NULL::integer AS closed_in, entered_version
  FROM segments.open_spell
  WHERE customer_id = $1::bigint AND valid_from <= $2::timestamptz AND opened_in <= $3::integer
  UNION ALL
  SELECT customer_id, segment_id, valid_from, CASE WHEN closed_in <= $3::integer THEN valid_to END, entered_cause,
    CASE WHEN closed_in <= $3::integer THEN left_cause END, opened_in,
    CASE WHEN closed_in <= $3::integer THEN closed_in END, entered_version
  FROM segments.ended_spell
  WHERE customer_id = $1::bigint AND valid_from <= $2::timestamptz AND opened_in <= $3::integer
    AND (superseded_in IS NULL OR superseded_in > $3::integer)
) h
JOIN segments.segment s ON s.segment_id = h.segment_id
LEFT JOIN segments.rule_version v ON v.version_id = h.entered_version
LEFT JOIN segments.publication_record o ON o.publication_id = h.opened_in
LEFT JOIN segments.publication_record c ON c.publication_id = h.closed_in
ORDER BY h.segment_id, h.valid_from DESC
