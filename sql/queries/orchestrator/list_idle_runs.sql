-- Runs of daemons under way that wait for a decision: nothing is on its way though not all has
-- ended, or the past holds tasks of theirs.
-- Parameters: none
-- Result: run_id, is_held
SELECT run.run_id, held.task IS NOT NULL AS is_held
FROM runs.run
LEFT JOIN LATERAL (
  SELECT task_id AS task FROM runs.task
  WHERE task.run_id = run.run_id AND task.is_held
  LIMIT 1) AS held ON true
WHERE run.state = 'running' AND run.bound_worker_id = 0 AND run.unfinished > 0
  AND (run.active = 0 OR held.task IS NOT NULL)
ORDER BY run.run_id
