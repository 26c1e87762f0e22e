-- Makes a backfill.
-- Parameters: $1 now, $2 runs at once, $3 whether the latest interval goes first, $4 dag,
--   $5 reprocess, $6 hash of the definition, $7 options, $8 parameters
-- Result: backfill_id
INSERT INTO runs.backfill (
  created_at, max_active, is_reverse, dag, reprocess, state, snapshot_hash, options, params)
VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8)
RETURNING backfill_id
