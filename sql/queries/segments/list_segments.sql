-- The live segments with size and last movement, best priority first.
-- Result: segment, title, priority, members, entered, left (of the last publication that moved it,
-- or that published all), as_of (of the live publication), rule_version, audience_view.
SELECT s.name AS segment, s.title, s.priority, z.members, z.entered, z."left", p.as_of,
  v.hash AS rule_version, s.audience_view
FROM segments.segment s
JOIN segments.rule_version v ON v.version_id = s.version_id
JOIN LATERAL (
  SELECT l.members, l.entered, l."left" FROM segments.segment_size l
  WHERE l.segment_id = s.segment_id ORDER BY l.as_of DESC LIMIT 1) z ON true
CROSS JOIN (SELECT max(as_of) AS as_of FROM segments.publication_record) p
WHERE s.is_live
ORDER BY s.rank
