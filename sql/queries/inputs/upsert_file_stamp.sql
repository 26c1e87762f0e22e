-- Remembers what the file system says of a file whose content is known.
-- $1 source, $2 file, $3 stamp, $4 digest. Result: none.
INSERT INTO landing.file_stamp (source_id, file, stamp, digest) VALUES ($1, $2, $3, $4)
ON CONFLICT (source_id, file) DO UPDATE SET stamp = excluded.stamp, digest = excluded.digest
