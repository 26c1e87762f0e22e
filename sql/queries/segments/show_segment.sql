-- One segment as the latest publication describes it.
-- $1 segment name.
-- Result: segment_id, segment, title, description, priority, is_live, uses_score, rule,
-- rule_version, audience_view, promotion, members and as_of (null for a segment that has left).
SELECT s.segment_id, s.name AS segment, s.title, s.description, s.priority, s.is_live,
  s.uses_score, v.rule, v.hash AS rule_version, s.audience_view, s.promotion, z.members,
  z.entered, z."left", p.as_of
FROM segments.segment s
JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN LATERAL (
  SELECT l.members, l.entered, l."left" FROM segments.segment_size l
  WHERE s.is_live AND l.segment_id = s.segment_id ORDER BY l.as_of DESC LIMIT 1) z ON true
LEFT JOIN LATERAL (
  SELECT max(r.as_of) AS as_of FROM segments.publication_record r WHERE s.is_live) p ON true
WHERE s.name = $1::text
