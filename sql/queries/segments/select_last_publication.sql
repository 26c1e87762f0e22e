-- The publication recorded last, whatever its as_of.
-- Result: publication_id (0 where there is none), published_at (null where there is none).
SELECT coalesce(max(publication_id), 0) AS publication_id, max(published_at) AS published_at
FROM segments.publication_record
