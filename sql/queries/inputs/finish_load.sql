-- Closes the ledger's row of a load.
-- Parameters: $1 load, $2 rows read, $3 accepted, $4 rejected, $5 duplicate, $6 warned,
-- $7 rejected_by, $8 warned_by, $9 totals, $10 first_occurred_at, $11 last_occurred_at,
-- $12 finished_at, $13 corrected, $14 header or NULL. Result: none.
UPDATE landing.load
SET rows_read = $2, rows_accepted = $3, rows_rejected = $4, rows_duplicate = $5,
  rows_warned = $6, rejected_by = $7, warned_by = $8, totals = $9, first_occurred_at = $10,
  last_occurred_at = $11, finished_at = $12, rows_corrected = $13, header = $14
WHERE load_id = $1
