-- Adds rule versions.
-- $1 jsonb array of objects with version_id, segment_id, hash, rule, uses_score; $2 publication_id.
INSERT INTO segments.rule_version (version_id, segment_id, hash, rule, uses_score, published_in)
SELECT version_id, segment_id, hash, rule, uses_score, $2::integer
FROM jsonb_to_recordset($1::jsonb) AS v(
  version_id integer, segment_id integer, hash text, rule text, uses_score boolean)
