-- What the members of a segment get: the promotion that a catalogue names for other systems.

ALTER TABLE segments.segment ADD COLUMN promotion text;
COMMENT ON COLUMN segments.segment.promotion IS
  'The promotion that its members get, as other systems name it; null for none.';

CREATE OR REPLACE VIEW segments.catalog AS
SELECT s.name AS segment, s.title, s.description, s.priority, s.is_live,
  CASE WHEN s.is_live THEN z.members END AS members, l.as_of, v.rule, v.hash AS rule_version,
  f.as_of AS rule_since, 'audience.' || quote_ident(s.audience_view) AS audience_view, s.promotion
FROM segments.segment s
LEFT JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN segments.publication_record f ON f.publication_id = v.published_in
LEFT JOIN LATERAL (
  SELECT z.members FROM segments.segment_size z WHERE z.segment_id = s.segment_id
  ORDER BY z.as_of DESC LIMIT 1) z ON true
LEFT JOIN LATERAL (
  SELECT max(p.as_of) AS as_of FROM segments.publication_record p WHERE s.is_live) l ON true;
COMMENT ON COLUMN segments.catalog.promotion IS
  'The promotion that its members get, as other systems name it; null for none.';
