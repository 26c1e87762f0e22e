-- The log of a task of a run, in the order of logging.
-- Parameters: $1 run_id, $2 task_id, $3 try or null for all
-- Result: one row per line; metadata is an object of strings
SELECT logged_at, task_id, try, level, message, metadata
FROM runs.log
WHERE run_id = $1 AND task_id = $2 AND ($3::integer IS NULL OR try = $3)
ORDER BY sequence
