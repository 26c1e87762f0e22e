-- Tells attempts to stop; their workers hear it by a notification or at their next heartbeat. One
-- whose task a mark has ended is no longer the current one, which tells its worker as much.
-- Parameters: $1 run_id, $2 task ids
-- Result: the workers they run at
UPDATE runs.task
SET stop_requested = (state = 'running')
WHERE run_id = $1 AND task_id = ANY ($2::text[])
RETURNING worker_id
