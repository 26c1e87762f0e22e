-- The instants that were published within a time, oldest first.
-- $1 after this instant, $2 up to this one.
-- Result: as_of.
SELECT DISTINCT p.as_of
FROM segments.publication_record p
WHERE p.as_of > $1::timestamptz AND p.as_of <= $2::timestamptz
ORDER BY p.as_of
