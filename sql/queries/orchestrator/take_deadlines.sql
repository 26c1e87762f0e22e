-- Takes the deadlines that have passed of runs that have not ended: each fires once.
-- Parameters: $1 now where a test sets the clock, else null
-- Result: run_id, snapshot_hash, deadline_at, at
WITH late AS (
  SELECT run_id, deadline_at
  FROM runs.run
  WHERE deadline_at <= coalesce($1::timestamptz, clock_timestamp())
    AND state IN ('queued', 'running')
  FOR UPDATE SKIP LOCKED
)
UPDATE runs.run
SET deadline_at = NULL
FROM late
WHERE run.run_id = late.run_id
RETURNING run.run_id, run.snapshot_hash, late.deadline_at,
  coalesce($1::timestamptz, clock_timestamp()) AS at
