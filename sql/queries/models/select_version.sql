-- One version without its bytes.
-- $1 text model; $2 int4 version.
-- Returns at most one row; row_count counts train, validation and test rows; train_seconds in s.
SELECT model, version, champion, learner, feature_names, definition, definition_hash, as_of, zone,
  horizon_days, cuts, row_count, metrics, previous_metrics, calibration, curve, importance,
  train_seconds, trained_at
FROM models.version
WHERE model = $1 AND version = $2;
