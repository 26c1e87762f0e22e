-- Who is believed to have entered and left at an instant.
-- $1 as_of.
-- Result: customer_id, segment_id, version, cause; no entries have a version,
-- which is that of the as_of itself.
SELECT customer_id, segment_id, NULL::integer AS version, entered_cause::text AS cause
FROM segments.shown_spell WHERE valid_from = $1::timestamptz
UNION ALL
SELECT customer_id, segment_id, NULL, entered_cause::text
FROM segments.ended_spell WHERE superseded_in IS NULL AND valid_from = $1
UNION ALL
SELECT customer_id, segment_id, left_version, left_cause::text
FROM segments.ended_spell WHERE superseded_in IS NULL AND valid_to = $1
