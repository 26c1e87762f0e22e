-- Opens spells of few customers.
-- $1 publication_id, $2 as_of; arrays: $3 customer_id, $4 segment_id, $5 rule version, $6 cause.
-- Result: one row: opened = spells opened.
WITH opened AS (
  INSERT INTO segments.open_spell (
    customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
  SELECT d.customer_id, $2::timestamptz, d.segment_id, $1::integer, d.version_id,
    d.cause::segments.cause
  FROM unnest($3::bigint[], $4::integer[], $5::integer[], $6::text[])
    AS d(customer_id, segment_id, version_id, cause)
  RETURNING 1
)
SELECT count(*) AS opened FROM opened
