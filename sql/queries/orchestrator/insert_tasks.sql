-- Gives a run its tasks or mapped items.
-- Parameters: $1 run_id, $2 binding, then arrays: $3 task ids, $4 kinds, $5 positions, $6 map
--   indexes or null, $7 attempts allowed, $8 unfinished upstream tasks, $9 priorities, $10 pools,
--   $11 slots, $12 inputs of items, $13 states, $14 when claimable,
--   $15 whether held by the past,
--   $16 whether of a backfill (one for all), $17 queues
-- Result: none
INSERT INTO runs.task (
  is_backfill, run_id, bound_worker_id, task_id, kind, position, map_index, allowed_tries,
  up_unfinished, priority, pool, slots, input, state, available_at, is_held, queue)
SELECT $16, $1, $2, wanted.*
FROM unnest(
  $3::text[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
  $9::integer[], $10::text[], $11::integer[], $12::jsonb[], $13::text[], $14::timestamptz[],
  $15::boolean[], $17::text[]
) AS wanted
