-- Products of the tasks of a run; of mapped tasks their items' products.
-- Parameters: $1 run_id, $2 task ids
-- Result: task_id, map_index (null for the task itself), state, output; by task and item
SELECT task_id, map_index, state, output, split_part(task_id, '[', 1) AS base_id
FROM runs.task
WHERE run_id = $1 AND split_part(task_id, '[', 1) = ANY ($2::text[])
ORDER BY base_id, map_index
