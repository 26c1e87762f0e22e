-- Gives up the workers whose lease is over; another process that does the same is not waited for.
-- Parameters: none
-- Result: worker_id of each
UPDATE runs.worker
SET state = 'lost', stopped_at = clock_timestamp()
WHERE worker_id IN (
  SELECT worker_id
  FROM runs.worker
  WHERE state IN ('live', 'draining') AND lease_until < clock_timestamp()
  FOR UPDATE SKIP LOCKED)
RETURNING worker_id
