-- Loads with rejected rows that may be read again. Rows whose bytes were no text are left out: what
-- is kept of them is not what stood there.
-- Parameters: $1 source's name, $2 reason or NULL, $3 load or NULL.
-- Result: load_id, header, file, rows.
SELECT l.load_id, l.header, l.file, count(*) AS rows
FROM landing.rejected AS r
JOIN landing.load AS l USING (load_id)
JOIN landing.source AS s USING (source_id)
WHERE s.name = $1 AND r.replayed_by IS NULL AND r.reason <> 'bad_encoding'
  AND ($2::text IS NULL OR r.reason = $2)
  AND ($3::bigint IS NULL OR r.load_id = $3)
GROUP BY l.load_id, l.header, l.file
ORDER BY l.load_id
