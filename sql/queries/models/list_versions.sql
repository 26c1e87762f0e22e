-- Every version of a model, or of all models, newest first.
-- $1 text model or null for all.
-- Returns rows as select_version.sql.
SELECT model, version, champion, learner, feature_names, definition, definition_hash, as_of, zone,
  horizon_days, cuts, row_count, metrics, previous_metrics, calibration, curve, importance,
  train_seconds, trained_at
FROM models.version
WHERE $1::text IS NULL OR model = $1
ORDER BY model, as_of DESC, version DESC;
