-- Keeps every row that was not accepted, is no duplicate and of nobody who was erased.
-- Parameters: $1 load. Result: none.
INSERT INTO landing.rejected (load_id, line, reason, column_name, raw)
SELECT $1, line, reason, column_name, raw
FROM pg_temp.strata_staged
WHERE reason NOT IN ('duplicate', 'erased')
