-- Moves a source's watermark forward, never back.
-- Parameters: $1 source, $2 the latest time seen. Result: watermark.
UPDATE landing.source
SET watermark = greatest(watermark, $2)
WHERE source_id = $1
RETURNING watermark
