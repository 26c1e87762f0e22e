-- Makes a run, unless there is one of its key, or, where it is to run at once, another one that runs
-- over its interval.
-- Parameters: $1 dag, $2 interval start, $3 interval end, $4 hash of the parameters, $5 parameters,
--   $6 hash of the definition, $7 now, $8 state, $9 kind, $10 when its schedule fired, $11 the
--   worker it is bound to or 0, $12 backfill or null, $13 attempts at once, $14 deadline or null,
--   $15 tasks
-- Result: run_id, or no row where it was not made
INSERT INTO runs.run (
  dag, interval_start, interval_end, params_hash, params, snapshot_hash, created_at, started_at,
  state, kind, due_at, bound_worker_id, backfill_id, parallelism, deadline_at, unfinished)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING
RETURNING run_id
