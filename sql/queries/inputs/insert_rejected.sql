-- Keeps every row that was not accepted and is no duplicate.
-- Parameters: $1 load. Result: none.
INSERT INTO landing.rejected (load_id, line, reason, column_name, raw)
SELECT $1, line, reason, column_name, raw
FROM pg_temp.strata_staged
WHERE reason IS NOT NULL AND reason <> 'duplicate'
