-- Rejected rows of one load that may be read again, page by page.
-- Parameters: $1 load, $2 reason or NULL, $3 the line to go on after, $4 limit. Result: line, raw.
SELECT line, raw
FROM landing.rejected
WHERE load_id = $1 AND replayed_by IS NULL AND reason <> 'bad_encoding'
  AND ($2::text IS NULL OR reason = $2) AND line > $3
ORDER BY line
LIMIT $4
