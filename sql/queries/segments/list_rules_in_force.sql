-- The rules that a publication used. Of publications of older releases, which did not keep that: the
-- newest version of each segment that was published up to their as_of.
-- $1 publication_id.
-- Result: segment_id, segment, title, description, rule, rule_version, since, run_id, author, message
-- (of the change that brought the version into force), best priority first.
WITH publication AS (
  SELECT p.publication_id, p.as_of FROM segments.publication_record p
  WHERE p.publication_id = $1::integer
), kept AS (
  SELECT p.version_ids
  FROM publication o
  JOIN segments.publication_record p
    ON p.as_of <= o.as_of AND p.publication_id <= o.publication_id
  WHERE p.version_ids IS NOT NULL
  ORDER BY p.as_of DESC, p.publication_id DESC
  LIMIT 1
), in_force AS (
  SELECT unnest(k.version_ids) AS version_id FROM kept k
  UNION ALL
  SELECT max(v.version_id)
  FROM publication o
  JOIN segments.publication_record p ON p.as_of <= o.as_of
  JOIN segments.rule_version v ON v.published_in = p.publication_id
  WHERE NOT EXISTS (SELECT FROM kept)
  GROUP BY v.segment_id
)
SELECT s.segment_id, s.name AS segment, s.title, s.description, v.rule, v.hash AS rule_version,
  coalesce(c.as_of, f.as_of) AS since, coalesce(c.run_id, f.run_id) AS run_id, c.author, c.message
FROM in_force i
JOIN segments.rule_version v ON v.version_id = i.version_id
JOIN segments.segment s ON s.segment_id = v.segment_id
JOIN segments.publication_record f ON f.publication_id = v.published_in
LEFT JOIN LATERAL (
  SELECT p.as_of, p.run_id, r.author, r.message
  FROM segments.rule_change r
  JOIN segments.publication_record p ON p.publication_id = r.publication_id
  WHERE r.version_id = v.version_id AND r.publication_id <= $1::integer
    AND p.as_of <= (SELECT o.as_of FROM publication o)
  ORDER BY p.as_of DESC, r.publication_id DESC
  LIMIT 1) c ON true
ORDER BY s.rank, s.name
