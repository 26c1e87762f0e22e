-- What was published around an instant.
-- $1 as_of.
-- Result: place (before, same, after: the nearest of each, its newest), publication_id, as_of,
-- published_at, segment_ids and version_ids (null where no release has recorded them).
WITH chosen AS (
  (SELECT 'before' AS place, publication_id FROM segments.publication_record
    WHERE as_of < $1::timestamptz ORDER BY as_of DESC, publication_id DESC LIMIT 1)
  UNION ALL
  (SELECT 'same', publication_id FROM segments.publication_record
    WHERE as_of = $1 ORDER BY publication_id DESC LIMIT 1)
  UNION ALL
  (SELECT 'after', publication_id FROM segments.publication_record
    WHERE as_of > $1 ORDER BY as_of, publication_id DESC LIMIT 1)
)
SELECT c.place, p.publication_id, p.as_of, p.published_at,
  coalesce(p.segment_ids, w.segment_ids) AS segment_ids,
  coalesce(p.version_ids, w.version_ids) AS version_ids
FROM chosen c
JOIN segments.publication_record p ON p.publication_id = c.publication_id
LEFT JOIN LATERAL (
  SELECT q.segment_ids, q.version_ids FROM segments.publication_record q
  WHERE q.as_of <= p.as_of AND q.segment_ids IS NOT NULL
  ORDER BY q.as_of DESC, q.publication_id DESC LIMIT 1) w ON p.segment_ids IS NULL
