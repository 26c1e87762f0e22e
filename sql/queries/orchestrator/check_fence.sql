-- Whether an attempt is still its task's current one; the row stays locked until the end of the
-- transaction, so the task cannot be taken over before the commit. FOR SHARE lets several
-- connections of one attempt check at once.
-- Parameters: $1 run_id, $2 task_id, $3 fencing token
-- Result: one row if it is, none if it is not
SELECT 1 AS held
FROM runs.task
WHERE run_id = $1 AND task_id = $2 AND fencing_token = $3 AND state = 'running'
FOR SHARE
