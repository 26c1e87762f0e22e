-- Every rule version, without its rule.
-- Result: version_id, segment_id, hash.
SELECT version_id, segment_id, hash FROM segments.rule_version
