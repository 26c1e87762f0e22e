-- Removes the items of mapped tasks that are cleared; their attempts stay recorded.
-- Parameters: $1 run_id, $2 positions of the mapped tasks
-- Result: none
DELETE FROM runs.task
WHERE run_id = $1 AND position = ANY ($2::integer[]) AND map_index IS NOT NULL
