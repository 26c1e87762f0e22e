-- The first published instant after one.
-- $1 the instant.
-- Result: as_of; null where there is none.
SELECT min(as_of) AS as_of FROM segments.publication_record WHERE as_of > $1::timestamptz
