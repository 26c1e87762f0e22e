-- The digest of a file of which the file system says what it said then.
-- $1 source, $2 file, $3 stamp. Result: digest.
SELECT digest FROM landing.file_stamp WHERE source_id = $1 AND file = $2 AND stamp = $3
