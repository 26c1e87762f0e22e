-- The tasks of a backfill's runs, counted over its intervals.
-- Parameters: $1 backfill_id
-- Result: one row per task in the order of declaration: task_id, total, success, failed, running,
--   ended, started_at, finished_at (of the last that ended)
SELECT task.task_id, count(*) AS total,
  count(*) FILTER (WHERE task.state = 'success') AS success,
  count(*) FILTER (WHERE task.state IN ('failed', 'upstream_failed')) AS failed,
  count(*) FILTER (WHERE task.state = 'running') AS running,
  count(*) FILTER (WHERE task.finished_at IS NOT NULL) AS ended,
  min(task.started_at) AS started_at, max(task.finished_at) AS finished_at
FROM runs.backfill_interval AS one
JOIN runs.task ON task.run_id = one.run_id
WHERE one.backfill_id = $1 AND one.outcome <> 'skipped'
GROUP BY task.task_id
ORDER BY min(task.position)
