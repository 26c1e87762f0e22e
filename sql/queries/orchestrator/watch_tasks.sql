-- The tasks of a run for somebody who watches it: without their products, which may be large.
-- Parameters: $1 run_id
-- Result: as list_tasks, with output null
SELECT task_id, kind, state, tries, allowed_tries, fencing_token, started_at, finished_at,
  error_code, message, NULL::jsonb AS output
FROM runs.task
WHERE run_id = $1
ORDER BY position, map_index NULLS FIRST
