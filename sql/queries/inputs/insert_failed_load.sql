-- Records a load of which nothing was kept.
-- Parameters: $1 source, $2 file or NULL, $3 bytes or NULL, $4 definition, $5 started_at,
-- $6 finished_at, $7 rows read, $8 rejected, $9 rejected_by, $10 error. Result: none.
INSERT INTO landing.load (
  source_id, file, bytes, definition, started_at, finished_at, rows_read, rows_rejected,
  rejected_by, error, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'failed')
