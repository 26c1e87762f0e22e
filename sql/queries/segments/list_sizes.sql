-- Sizes and movements over time, oldest first.
-- $1 segment name or null for all, $2 first as_of or null, $3 last as_of or null.
-- Result: as_of, segment, members, entered, left.
SELECT z.as_of, s.name AS segment, z.members, z.entered, z."left"
FROM segments.segment_size z JOIN segments.segment s ON s.segment_id = z.segment_id
WHERE ($1::text IS NULL OR s.name = $1)
  AND ($2::timestamptz IS NULL OR z.as_of >= $2)
  AND ($3::timestamptz IS NULL OR z.as_of <= $3)
ORDER BY z.as_of, s.rank, s.name
