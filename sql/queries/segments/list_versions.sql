-- The rules a segment has had, newest first.
-- $1 segment_id.
-- Result: rule_version, rule, as_of, run_id, published_at of the publication that used it first,
-- author and message of the change.
SELECT v.hash AS rule_version, v.rule, p.as_of, p.run_id, p.published_at, c.author, c.message
FROM segments.rule_version v
JOIN segments.publication_record p ON p.publication_id = v.published_in
LEFT JOIN segments.rule_change c
  ON c.publication_id = v.published_in AND c.segment_id = v.segment_id
WHERE v.segment_id = $1::integer
ORDER BY v.version_id DESC
