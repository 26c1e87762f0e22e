-- Every rule version, without its rule.
-- Result: version_id, segment_id, hash, uses_score.
SELECT version_id, segment_id, hash, uses_score FROM segments.rule_version
