-- The attempts of a run, by start.
-- Parameters: $1 run_id, $2 task_id or null for all
-- Result: one row per attempt; finished_at is null while it runs
SELECT task_id, try, state, created_at, finished_at, host, process_id, error_code, message, hint,
  progress
FROM runs.attempt
WHERE run_id = $1 AND ($2::text IS NULL OR task_id = $2)
ORDER BY created_at, fencing_token
