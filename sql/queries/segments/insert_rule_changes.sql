-- Records which rules a publication changes against the one of the as_of before, by whom and why.
-- $1 publication_id, $2 run_id or null.
WITH now AS (
  SELECT u.segment_id, u.version_id
  FROM segments.publication_record p
  CROSS JOIN LATERAL unnest(p.segment_ids, p.version_ids) AS u(segment_id, version_id)
  WHERE p.publication_id = $1::integer
), last AS (
  SELECT q.segment_ids, q.version_ids
  FROM segments.publication_record p
  JOIN segments.publication_record q ON q.as_of < p.as_of AND q.publication_id < p.publication_id
  WHERE p.publication_id = $1::integer AND q.version_ids IS NOT NULL
  ORDER BY q.as_of DESC, q.publication_id DESC
  LIMIT 1
), before AS (
  SELECT u.segment_id, u.version_id
  FROM last l
  CROSS JOIN LATERAL unnest(l.segment_ids, l.version_ids) AS u(segment_id, version_id)
)
INSERT INTO segments.rule_change (publication_id, segment_id, version_id, author, message)
SELECT $1::integer, coalesce(n.segment_id, b.segment_id), n.version_id,
  coalesce(r.author, o.options ->> 'by'), coalesce(r.reason, o.options ->> 'message')
FROM now n
FULL JOIN before b ON b.segment_id = n.segment_id
LEFT JOIN runs.run r ON r.run_id = $2::bigint
LEFT JOIN runs.backfill o ON o.backfill_id = r.backfill_id
WHERE n.version_id IS DISTINCT FROM b.version_id
