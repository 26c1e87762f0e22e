-- One segment as the latest publication describes it.
-- $1 segment name.
-- Result: segment_id, segment, title, description, priority, is_live, uses_score, rule,
-- rule_version, audience_view, members and as_of (null for a segment that has left).
SELECT s.segment_id, s.name AS segment, s.title, s.description, s.priority, s.is_live,
  s.uses_score, v.rule, v.hash AS rule_version, s.audience_view, z.members, z.entered, z."left",
  z.as_of
FROM segments.segment s
JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN segments.segment_size z ON z.segment_id = s.segment_id
  AND z.as_of = (SELECT max(p.as_of) FROM segments.publication_record p)
WHERE s.name = $1::text
