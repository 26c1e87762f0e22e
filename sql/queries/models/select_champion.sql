-- The champion of an instant: the latest champion that saw nothing at or after it.
-- $1 text model; $2 timestamptz instant.
-- Returns at most one row, as select_version.sql.
SELECT model, version, champion, learner, feature_names, definition, definition_hash, as_of, zone,
  horizon_days, cuts, row_count, metrics, previous_metrics, calibration, curve, importance,
  train_seconds, trained_at
FROM models.version
WHERE model = $1 AND champion AND as_of <= $2
ORDER BY as_of DESC, version DESC
LIMIT 1;
