-- How tasks ended in the run of a DAG before an interval, whatever asked for that run.
-- Parameters: $1 dag, $2 start of the interval, $3 task ids
-- Result: one row per task: task_id, state (null where that run does not know the task, or has not
--   made its tasks yet: then queued); no row where there is no run before
WITH past AS (
  SELECT run_id, state
  FROM runs.run
  WHERE dag = $1 AND interval_end <= $2
  ORDER BY interval_end DESC, run_id DESC
  LIMIT 1
)
SELECT wanted.task_id,
  CASE WHEN past.state = 'queued' THEN 'queued' ELSE task.state END AS state
FROM past
CROSS JOIN unnest($3::text[]) AS wanted (task_id)
LEFT JOIN runs.task ON task.run_id = past.run_id AND task.task_id = wanted.task_id
