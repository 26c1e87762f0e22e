-- Records how attempts ended: in their own rows, and their product or error with the task. The
-- caller has checked the tokens on the locked rows; they are conditions here all the same.
-- Parameters: $1 run_id, $2 now, then arrays: $3 task ids, $4 fencing tokens, $5 states of the
--   attempts, $6 when they started, $7 error codes, $8 messages, $9 hints, $10 products,
--   $11 progress
-- Result: one row: changed, expected (attempts)
WITH ended AS MATERIALIZED (
  SELECT *
  FROM unnest(
    $3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
    $10::jsonb[], $11::jsonb[]
  ) AS ended (
    task_id, token, state, started_at, error_code, message, hint, product, progress)
), told AS (
  UPDATE runs.task
  SET output = ended.product, error_code = ended.error_code, message = ended.message
  FROM ended
  WHERE task.run_id = $1 AND task.task_id = ended.task_id AND task.fencing_token = ended.token
  RETURNING task.task_id
), recorded AS (
  -- The time of the start names the partition.
  UPDATE runs.attempt
  SET state = ended.state, finished_at = $2, error_code = ended.error_code, message = ended.message,
    hint = ended.hint, progress = ended.progress
  FROM ended JOIN told USING (task_id)
  WHERE attempt.run_id = $1 AND attempt.task_id = ended.task_id
    AND attempt.fencing_token = ended.token AND attempt.created_at = ended.started_at
  RETURNING 1
)
SELECT (SELECT count(*) FROM recorded) AS changed, (SELECT count(*) FROM ended) AS expected
