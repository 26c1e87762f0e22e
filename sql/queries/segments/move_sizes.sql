-- Corrects the movements of an as_of, where the publication before it has changed.
-- $1 as_of; $2 to $5 arrays: segment_id, members, and by how much entered and left are to change.
INSERT INTO segments.segment_size AS z (as_of, segment_id, members, entered, "left")
SELECT $1::timestamptz, s.segment_id, s.members, s.entered, s."left"
FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS s(segment_id, members, entered, "left")
ON CONFLICT (as_of, segment_id) DO UPDATE
SET entered = z.entered + excluded.entered, "left" = z."left" + excluded."left"
