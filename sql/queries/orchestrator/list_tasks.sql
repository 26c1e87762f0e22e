-- The tasks of a run, in the order of their declaration.
-- Parameters: $1 run_id
-- Result: one row per task; started_at is null before its first attempt, finished_at before its end
SELECT task_id, kind, state, tries, allowed_tries, fencing_token, started_at, finished_at,
  error_code, message, output
FROM runs.task
WHERE run_id = $1
ORDER BY position
