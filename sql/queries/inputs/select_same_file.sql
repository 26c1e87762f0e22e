-- The load that took this very file under this definition.
-- Parameters: $1 source, $2 digest, $3 definition. Result: load_id, finished_at, watermark.
SELECT l.load_id, l.finished_at, s.watermark
FROM landing.load AS l
JOIN landing.source AS s USING (source_id)
WHERE l.source_id = $1 AND l.digest = $2 AND l.definition = $3 AND l.state = 'loaded'
ORDER BY l.load_id
LIMIT 1
