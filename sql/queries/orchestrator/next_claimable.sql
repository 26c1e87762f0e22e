-- What a worker that found too little to do waits for.
-- Parameters: $1 the binding (a worker, or 0), $2 now where a test sets the clock, else null
-- Result: available_at, when the next task that waits for its time may be claimed, null where none
--   waits; at, now; has_batches, whether a task of a batch may be ready
SELECT (
    SELECT min(available_at)
    FROM runs.task
    WHERE bound_worker_id = $1 AND state IN ('queued', 'retrying', 'deferred')
      AND available_at > coalesce($2::timestamptz, clock_timestamp())) AS available_at,
  coalesce($2::timestamptz, clock_timestamp()) AS at,
  EXISTS (
    SELECT FROM runs.task
    WHERE bound_worker_id < 0 AND state IN ('queued', 'retrying', 'deferred')
      AND available_at <= coalesce($2::timestamptz, clock_timestamp())) AS has_batches
