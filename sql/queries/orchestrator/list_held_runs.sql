-- Runs under way of the same DAG with tasks that a run before may hold.
-- Parameters: $1 run_id of the run before
-- Result: run_id
SELECT later.run_id
FROM runs.run AS earlier
JOIN runs.run AS later
  ON later.dag = earlier.dag AND later.state = 'running'
  AND later.interval_start >= earlier.interval_end
WHERE earlier.run_id = $1
  AND EXISTS (SELECT FROM runs.task WHERE task.run_id = later.run_id AND task.is_held)
ORDER BY later.interval_start
