-- Gives the tasks of a run, and their items, the places, kinds and priorities of a new definition.
-- Parameters: $1 run_id, then arrays: $2 ids of the tasks in the order of declaration, $3 kinds,
--   $4 priorities, $5 pools, $6 slots, $7 queues
-- Result: none
UPDATE runs.task
SET position = wanted.place - 1, kind = wanted.kind, priority = wanted.priority,
  pool = wanted.pool, slots = wanted.slots, queue = wanted.queue
FROM unnest(
  $2::text[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::text[]
) WITH ORDINALITY AS wanted (task_id, kind, priority, pool, slots, queue, place)
WHERE task.run_id = $1 AND split_part(task.task_id, '[', 1) = wanted.task_id
