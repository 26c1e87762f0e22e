-- The states of some tasks of a run.
-- Parameters: $1 run_id, $2 task ids
-- Result: task_id, state
SELECT task_id, state
FROM runs.task
WHERE run_id = $1 AND task_id = ANY ($2::text[])
