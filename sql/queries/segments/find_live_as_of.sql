-- How far segments have been published.
-- Parameters: none
-- Result: watermark, the latest as-of; null before the first publication
SELECT max(as_of) AS watermark
FROM segments.publication_record
