-- What it takes to score with a version.
-- $1 text model; $2 int4 version.
-- Returns at most one row: learner text, feature_names text[], bytes bytea, curve jsonb,
-- importance jsonb.
SELECT learner, feature_names, bytes, curve, importance
FROM models.version
WHERE model = $1 AND version = $2;
