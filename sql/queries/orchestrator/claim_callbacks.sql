-- Takes calls that are due: they are due again after a lease, where whoever took them is gone by
-- then.
-- Parameters: $1 now where a test sets the clock, else null, $2 calls at most, $3 seconds of the
--   lease
-- Result: one row per call, tries with this one
WITH due AS (
  SELECT callback_id
  FROM runs.callback
  WHERE due_at <= coalesce($1::timestamptz, clock_timestamp())
  ORDER BY due_at, callback_id
  LIMIT $2
  FOR UPDATE SKIP LOCKED
)
UPDATE runs.callback
SET tries = tries + 1,
  due_at = coalesce($1::timestamptz, clock_timestamp()) + make_interval(secs => $3)
FROM due
WHERE callback.callback_id = due.callback_id
RETURNING callback.callback_id, run_id, task_id, event, tries, created_at, target, payload
