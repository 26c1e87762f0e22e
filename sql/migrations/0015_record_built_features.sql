-- What a feature catalogue was when it was last built: an edited one is compared with it, so that what
-- the edit touches can be shown before it is built, and noted when it is.

CREATE TABLE features.built_catalogue (
  catalogue  text COLLATE "C" PRIMARY KEY,
  as_of      timestamptz NOT NULL,
  built_at   timestamptz NOT NULL,
  definition jsonb NOT NULL
);
COMMENT ON TABLE features.built_catalogue IS
  'The feature catalogues as they were last built, one row per file.';
COMMENT ON COLUMN features.built_catalogue.catalogue IS 'The file, relative to the project.';
COMMENT ON COLUMN features.built_catalogue.as_of IS
  'The instant whose features were the first to be built by this definition.';
COMMENT ON COLUMN features.built_catalogue.built_at IS 'When that was.';
COMMENT ON COLUMN features.built_catalogue.definition IS
  'Features in normal form with their operands, tile columns, and slots and rings of the state.';
