-- Tells running attempts to stop; their workers hear it by a notification or their next heartbeat.
-- Parameters: $1 run_id, $2 task ids
-- Result: the workers they run at
UPDATE runs.task
SET stop_requested = true
WHERE run_id = $1 AND task_id = ANY ($2::text[]) AND state = 'running'
RETURNING worker_id
