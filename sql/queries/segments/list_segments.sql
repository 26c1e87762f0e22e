-- The live segments with size and movement of the live publication, best priority first.
-- Result: segment, title, priority, members, entered, left, as_of, rule_version, audience_view.
SELECT s.name AS segment, s.title, s.priority, z.members, z.entered, z."left", z.as_of,
  v.hash AS rule_version, s.audience_view
FROM segments.segment s
JOIN segments.rule_version v ON v.version_id = s.version_id
JOIN segments.segment_size z ON z.segment_id = s.segment_id
WHERE s.is_live AND z.as_of = (SELECT max(p.as_of) FROM segments.publication_record p)
ORDER BY s.rank
