-- Removes the tasks that a run's new definition lacks, and their items.
-- Parameters: $1 run_id, $2 the ids of the definition's tasks
-- Result: none
DELETE FROM runs.task
WHERE run_id = $1 AND split_part(task_id, '[', 1) <> ALL ($2::text[])
