-- The ledger of loads, newest first.
-- Parameters: $1 source's name or NULL, $2 limit.
-- Result: source, load_id, state, file, started_at, finished_at, rows_read, rows_accepted,
-- rows_rejected, rows_duplicate, rows_warned, rejected_by, warned_by, totals, error.
SELECT s.name AS source, l.load_id, l.state, l.file, l.started_at, l.finished_at, l.rows_read,
  l.rows_accepted, l.rows_rejected, l.rows_duplicate, l.rows_warned, l.rejected_by, l.warned_by,
  l.totals, l.error
FROM landing.load AS l
JOIN landing.source AS s USING (source_id)
WHERE ($1::text IS NULL OR s.name = $1)
ORDER BY l.load_id DESC
LIMIT $2
