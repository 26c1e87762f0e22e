-- Records a run that is over: one step, which is one task, in the transaction of what it did.
-- Parameters: $1 dag, $2 interval start, $3 interval end, $4 hash of the parameters, $5 parameters,
--   $6 hash of the definition, $7 when it began, $8 when it ended, $9 task, $10 kind of the task,
--   $11 its product
-- Result: run_id
WITH made AS (
  INSERT INTO runs.run (
    dag, interval_start, interval_end, params_hash, params, snapshot_hash, created_at, started_at,
    finished_at, state, kind)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, 'success', 'asset')
  RETURNING run_id
)
INSERT INTO runs.task (
  run_id, task_id, kind, position, tries, allowed_tries, state, started_at, finished_at, output)
SELECT run_id, $9, $10, 0, 1, 1, 'success', $7, $8, $11 FROM made
RETURNING run_id
