-- Adds log lines of a run.
-- Parameters: $1 run_id, then arrays: $2 times, $3 sequence numbers, $4 task ids, $5 tries,
--   $6 levels, $7 messages, $8 metadata
-- Result: none
INSERT INTO runs.log (run_id, logged_at, sequence, task_id, try, level, message, metadata)
SELECT $1, line.*
FROM unnest(
  $2::timestamptz[], $3::bigint[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::jsonb[]
) AS line
