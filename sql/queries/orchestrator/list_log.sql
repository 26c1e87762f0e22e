-- The log of a run or of one of its tasks, in the order of logging.
-- Parameters: $1 run_id, $2 task_id or null for all, $3 try or null for all
-- Result: one row per line; metadata is an object of strings
SELECT logged_at, task_id, try, level, message, metadata
FROM runs.log
WHERE run_id = $1 AND ($2::text IS NULL OR task_id = $2)
  AND ($3::integer IS NULL OR try = $3)
ORDER BY logged_at, sequence
