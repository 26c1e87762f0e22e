-- Sizes of some segments at each of some instants, as published.
-- $1 the instants, $2 segment names.
-- Result: as_of, segment, members.
SELECT z.as_of, s.name AS segment, z.members
FROM segments.segment_size z
JOIN segments.segment s ON s.segment_id = z.segment_id
WHERE z.as_of = ANY ($1::timestamptz[]) AND s.name = ANY ($2::text[])
