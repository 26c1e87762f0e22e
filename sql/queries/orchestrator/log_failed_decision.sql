-- Says in a run's log why nobody could decide about it, after the lines of all attempts so far.
-- Parameters: $1 run_id, $2 now, $3 task_id or empty, $4 try or 0, $5 the message, $6 its code,
--   $7 what to do or null
-- Result: none
INSERT INTO runs.log (run_id, logged_at, sequence, task_id, try, level, message, metadata)
VALUES (
  $1, $2, nextval('runs.fencing_token') << 24, $3, $4, 'error', $5,
  jsonb_strip_nulls(jsonb_build_object('code', $6::text, 'hint', $7::text)))
