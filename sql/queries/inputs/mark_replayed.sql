-- Rows that a replay accepted, or found to be known, are no longer rejected.
-- Parameters: $1 the replay's load, $2 the load whose rows they are. Result: none.
UPDATE landing.rejected AS r
SET replayed_by = $1
WHERE r.load_id = $2 AND r.replayed_by IS NULL
  AND r.line IN (
    SELECT s.line FROM pg_temp.strata_staged AS s WHERE s.reason IS NULL OR s.reason = 'duplicate')
