-- A file that has been read need not be read again to know that it is the same: what its file system
-- says of it is enough, as long as that says the same.
CREATE TABLE landing.file_stamp (
  source_id smallint NOT NULL REFERENCES landing.source,
  file text NOT NULL,
  stamp text NOT NULL,
  digest text NOT NULL,
  PRIMARY KEY (source_id, file)
);
COMMENT ON TABLE landing.file_stamp IS
  'What the file system said of a file whose content was known: while it says the same, the file is '
  'not read again.';
COMMENT ON COLUMN landing.file_stamp.source_id IS 'The source.';
COMMENT ON COLUMN landing.file_stamp.file IS 'Path of the file.';
COMMENT ON COLUMN landing.file_stamp.stamp IS
  'Device, inode, bytes, and the times of the last change of content and of the file''s entry, in '
  'nanoseconds.';
COMMENT ON COLUMN landing.file_stamp.digest IS 'SHA-256 of its content then, hexadecimal.';
