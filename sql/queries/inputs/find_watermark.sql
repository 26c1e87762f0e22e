-- How far a source has been loaded.
-- Parameters: $1 its name
-- Result: watermark; no row, or null, where nothing was loaded
SELECT watermark
FROM landing.source
WHERE name = $1
