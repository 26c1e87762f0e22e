-- The model registry: what was trained, from what, how good it is, and the scores it gave.
-- Small tables: where the warehouse is sharded they stay on the coordinator. Bytes stay in TOAST.

CREATE TABLE models.model (
  model text COLLATE "C" PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE models.model IS 'Models by name; a row is locked while a version is numbered.';
COMMENT ON COLUMN models.model.model IS 'The name in models.yaml.';
COMMENT ON COLUMN models.model.created_at IS 'When the first version was trained.';

CREATE TABLE models.version (
  model text COLLATE "C" NOT NULL REFERENCES models.model,
  version integer NOT NULL CHECK (version > 0),
  champion boolean NOT NULL,
  learner text NOT NULL,
  bytes bytea NOT NULL,
  digest bytea NOT NULL,
  feature_names text[] NOT NULL,
  definition jsonb NOT NULL,
  definition_hash text NOT NULL,
  as_of timestamptz NOT NULL,
  zone text NOT NULL,
  horizon_days integer NOT NULL CHECK (horizon_days > 0),
  cuts jsonb NOT NULL,
  row_count bigint NOT NULL,
  metrics jsonb NOT NULL,
  previous_metrics jsonb,
  calibration jsonb NOT NULL,
  curve jsonb NOT NULL,
  importance jsonb NOT NULL,
  train_seconds double precision NOT NULL,
  trained_at timestamptz NOT NULL,
  PRIMARY KEY (model, version)
);

-- Answers "which champion was known at this instant".
CREATE INDEX version_as_of ON models.version (model, as_of DESC, version DESC);

COMMENT ON TABLE models.version IS 'Trained models, immutable; one row per model and version.';
COMMENT ON COLUMN models.version.model IS 'The name in models.yaml.';
COMMENT ON COLUMN models.version.version IS 'Counts from 1 in the order of training.';
COMMENT ON COLUMN models.version.champion IS
  'True where the version was no worse on its own test rows than the champion before it.';
COMMENT ON COLUMN models.version.learner IS 'The learner, such as gradient_boosting.';
COMMENT ON COLUMN models.version.bytes IS 'The model in the learner''s own format (XGBoost: UBJSON).';
COMMENT ON COLUMN models.version.digest IS 'SHA-256 of bytes.';
COMMENT ON COLUMN models.version.feature_names IS 'Features in the order of the matrix columns.';
COMMENT ON COLUMN models.version.definition IS 'The entry of models.yaml, with defaults filled in.';
COMMENT ON COLUMN models.version.definition_hash IS
  'SHA-256 of the entry and of the features and rules it stands on.';
COMMENT ON COLUMN models.version.as_of IS 'Nothing at or after this instant was seen.';
COMMENT ON COLUMN models.version.zone IS 'The zone of the cut days.';
COMMENT ON COLUMN models.version.horizon_days IS 'Days from a cut to the end of its label.';
COMMENT ON COLUMN models.version.cuts IS
  'Per cut: its last day, its part (train, validation, test, unused), rows and positives.';
COMMENT ON COLUMN models.version.row_count IS 'Rows of train, validation and test together.';
COMMENT ON COLUMN models.version.metrics IS 'Over the test rows: AUC, log-loss, Brier, ECE.';
COMMENT ON COLUMN models.version.previous_metrics IS
  'The previous champion over the same test rows; null where there was none to compare.';
COMMENT ON COLUMN models.version.calibration IS 'Scores beside observed rates, in bins of 0.1.';
COMMENT ON COLUMN models.version.curve IS 'Log-loss by round over train and validation rows.';
COMMENT ON COLUMN models.version.importance IS 'Share of the total gain by feature.';
COMMENT ON COLUMN models.version.train_seconds IS 'Wall time of the training alone.';
COMMENT ON COLUMN models.version.trained_at IS 'When the version was stored.';

CREATE TABLE models.score (
  model text COLLATE "C" NOT NULL,
  as_of timestamptz NOT NULL,
  version integer NOT NULL,
  customers bigint NOT NULL,
  payload bytea NOT NULL,
  scored_at timestamptz NOT NULL,
  PRIMARY KEY (model, as_of),
  FOREIGN KEY (model, version) REFERENCES models.version
);

COMMENT ON TABLE models.score IS
  'Scores of all customers in the model''s population at one local midnight, one row per model and midnight.';
COMMENT ON COLUMN models.score.model IS 'The name in models.yaml.';
COMMENT ON COLUMN models.score.as_of IS 'The local midnight that the features were of.';
COMMENT ON COLUMN models.score.version IS 'The version that scored.';
COMMENT ON COLUMN models.score.customers IS 'The number of scores.';
COMMENT ON COLUMN models.score.payload IS
  'Ascending customer ids as varint differences, then one little-endian float4 each.';
COMMENT ON COLUMN models.score.scored_at IS 'When the scores were stored.';
