-- Makes room for the sizes of an as_of that is published again.
-- $1 as_of.
DELETE FROM segments.segment_size WHERE as_of = $1::timestamptz
