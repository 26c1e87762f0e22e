-- How tasks stand in a run; a statement of its own after the run's lock, to see what was committed
-- while that was waited for.
-- Parameters: $1 run_id, $2 task ids
-- Result: task_id, state; tasks that the run lacks are missing
SELECT task_id, state
FROM runs.task
WHERE run_id = $1 AND task_id = ANY ($2::text[])
