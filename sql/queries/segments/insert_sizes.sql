-- Records sizes and movements.
-- $1 as_of; $2 to $5 arrays: segment_id, members, entered, left.
INSERT INTO segments.segment_size (as_of, segment_id, members, entered, "left")
SELECT $1::timestamptz, s.segment_id, s.members, s.entered, s."left"
FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS s(segment_id, members, entered, "left")
