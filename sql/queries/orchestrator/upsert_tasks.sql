-- Gives a run the tasks of a definition; those it has keep their state.
-- Parameters: $1 run_id, $2 task ids in the order of declaration, $3 their kinds, $4 attempts that
--   each may use
-- Result: none
INSERT INTO runs.task (run_id, task_id, kind, allowed_tries, position)
SELECT $1, wanted.task_id, wanted.kind, wanted.allowed_tries, wanted.place - 1
FROM unnest($2::text[], $3::text[], $4::integer[]) WITH ORDINALITY
  AS wanted (task_id, kind, allowed_tries, place)
ON CONFLICT (run_id, task_id) DO UPDATE
SET kind = excluded.kind, position = excluded.position
