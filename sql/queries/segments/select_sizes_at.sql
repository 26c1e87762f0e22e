-- The sizes of an as_of.
-- $1 as_of.
-- Result: segment_id, members, entered, left.
SELECT segment_id, members, entered, "left" FROM segments.segment_size
WHERE as_of = $1::timestamptz
