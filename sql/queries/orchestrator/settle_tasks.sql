-- Gives tasks that end without an attempt their final states.
-- Parameters: $1 run_id, $2 task ids, $3 their states, $4 their messages, $5 now
-- Result: none; as many rows are changed as tasks are given, unless one is not waiting
UPDATE runs.task
SET state = settled.state, finished_at = $5, message = settled.message
FROM unnest($2::text[], $3::text[], $4::text[]) AS settled (task_id, state, message)
WHERE task.run_id = $1 AND task.task_id = settled.task_id
  AND task.state IN ('waiting', 'retrying')
