-- Makes a run, unless there is one of its key.
-- Parameters: $1 dag, $2 interval start, $3 interval end, $4 hash of the parameters, $5 parameters,
--   $6 hash of the definition, $7 now
-- Result: run_id, or no row where there is one
INSERT INTO runs.run (
  dag, interval_start, interval_end, params_hash, params, snapshot_hash, state, created_at,
  started_at)
VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7)
ON CONFLICT (dag, interval_start, interval_end, params_hash) DO NOTHING
RETURNING run_id
