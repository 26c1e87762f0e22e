-- Ends attempts whose tasks a mark has ended: what they come to is of no interest any more.
-- Parameters: $1 run_id, $2 now, then arrays: $3 fencing tokens, $4 when they started (which names
--   the partition)
-- Result: none
UPDATE runs.attempt
SET state = 'cancelled', finished_at = $2, message = 'its task was marked meanwhile'
FROM unnest($3::bigint[], $4::timestamptz[]) AS ended (token, started_at)
WHERE attempt.run_id = $1 AND attempt.fencing_token = ended.token
  AND attempt.created_at = ended.started_at AND attempt.state = 'running'
