-- Those of a worker's live attempts that shall stop: they were told to, or their task has ended or
-- been taken over without them.
-- Parameters: arrays: $1 run_ids, $2 task ids, $3 fencing tokens
-- Result: fencing_token
SELECT live.token AS fencing_token
FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS live (run_id, task_id, token)
LEFT JOIN runs.task USING (run_id, task_id)
WHERE task.fencing_token IS DISTINCT FROM live.token OR task.state <> 'running'
  OR task.stop_requested
