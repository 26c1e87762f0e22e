-- Ends an attempt and gives its task a state, if the attempt's token is still its task's.
-- Parameters: $1 run_id, $2 task_id, $3 fencing token, $4 state of the task, $5 state of the
--   attempt, $6 now, $7 when the attempt started, $8 error code, $9 message, $10 hint, $11 product,
--   $12 progress
-- Result: none; one row is changed, or none where the token is an old one
WITH ended AS (
  UPDATE runs.task
  SET state = $4, finished_at = CASE WHEN $4::text = 'retrying' THEN NULL ELSE $6::timestamptz END, error_code = $8,
    message = $9, output = $11
  WHERE run_id = $1 AND task_id = $2 AND fencing_token = $3 AND state = 'running'
  RETURNING tries
)
-- The time of the start names the partition.
UPDATE runs.attempt
SET state = $5, finished_at = $6, error_code = $8, message = $9, hint = $10, progress = $12
FROM ended
WHERE attempt.run_id = $1 AND attempt.task_id = $2 AND attempt.try = ended.tries
  AND attempt.created_at = $7
