-- Stores a trained model under the next number; the caller holds the lock of lock_model.sql.
-- $1 text model; $2 boolean champion; $3 text learner; $4 bytea bytes; $5 bytea SHA-256 of bytes;
-- $6 text[] features in matrix order; $7 jsonb definition; $8 text definition hash;
-- $9 timestamptz as_of; $10 text zone; $11 int4 horizon in days; $12 jsonb cuts; $13 int8 rows;
-- $14 jsonb test metrics; $15 jsonb previous champion's metrics or null; $16 jsonb calibration;
-- $17 jsonb curve; $18 jsonb importance; $19 float8 seconds of training; $20 timestamptz now.
-- Returns one row: version integer.
INSERT INTO models.version (
  model, version, champion, learner, bytes, digest, feature_names, definition, definition_hash,
  as_of, zone, horizon_days, cuts, row_count, metrics, previous_metrics, calibration, curve,
  importance, train_seconds, trained_at)
VALUES (
  $1, (SELECT coalesce(max(version), 0) + 1 FROM models.version WHERE model = $1), $2, $3, $4, $5,
  $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
RETURNING version;
