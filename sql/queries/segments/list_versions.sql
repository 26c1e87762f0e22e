-- The rules a segment has had, newest first.
-- $1 segment_id.
-- Result: rule_version, rule, as_of, run_id, published_at of the publication that used it first.
SELECT v.hash AS rule_version, v.rule, p.as_of, p.run_id, p.published_at
FROM segments.rule_version v JOIN segments.publication_record p ON p.publication_id = v.published_in
WHERE v.segment_id = $1::integer
ORDER BY v.version_id DESC
