-- Log lines of a task that came after a known one, in the order of logging.
-- Parameters: $1 run_id, $2 task_id, $3 try or null for all, $4 the last known sequence,
--   $5 a time before the first line: it spares the partitions of earlier months
-- Result: one row per line; sequence rises, metadata is an object of strings
SELECT sequence, logged_at, task_id, try, level, message, metadata
FROM runs.log
WHERE run_id = $1 AND task_id = $2 AND ($3::integer IS NULL OR try = $3) AND sequence > $4
  AND logged_at >= $5
ORDER BY sequence
