-- The live publication, or the one that was live before an instant.
-- $1 null for the live one, else only publications with an earlier as_of.
-- Result: publication_id, as_of, published_at, evaluation_id (null once removed); no row where
-- nothing was published.
SELECT publication_id, as_of, published_at, evaluation_id
FROM segments.publication_record
WHERE $1::timestamptz IS NULL OR as_of < $1
ORDER BY as_of DESC, publication_id DESC
LIMIT 1
