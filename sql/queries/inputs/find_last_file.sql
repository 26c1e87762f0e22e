-- The last load of a file by its path.
-- Parameters: $1 source, $2 file. Result: load_id, bytes, digest.
SELECT load_id, bytes, digest
FROM landing.load
WHERE source_id = $1 AND file = $2 AND state = 'loaded' AND digest IS NOT NULL
ORDER BY load_id DESC
LIMIT 1
