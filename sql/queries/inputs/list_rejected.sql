-- Rejected rows that are not replayed, newest load first.
-- Parameters: $1 source's name or NULL, $2 load or NULL, $3 reason or NULL, $4 limit.
-- Result: source, load_id, line, reason, column_name, raw, file.
SELECT s.name AS source, r.load_id, r.line, r.reason, r.column_name, r.raw, l.file
FROM landing.rejected AS r
JOIN landing.load AS l USING (load_id)
JOIN landing.source AS s USING (source_id)
WHERE r.replayed_by IS NULL
  AND ($1::text IS NULL OR s.name = $1)
  AND ($2::bigint IS NULL OR r.load_id = $2)
  AND ($3::text IS NULL OR r.reason = $3)
ORDER BY r.load_id DESC, r.line
LIMIT $4
