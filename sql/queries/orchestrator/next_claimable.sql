-- When the next task that waits for its time may be claimed.
-- Parameters: $1 the binding (a worker, or 0), $2 now where a test sets the clock, else null
-- Result: available_at, and at, now; no row where nothing waits
SELECT min(available_at) AS available_at, coalesce($2::timestamptz, clock_timestamp()) AS at
FROM runs.task
WHERE bound_worker_id = $1 AND state IN ('queued', 'retrying', 'deferred')
  AND available_at > coalesce($2::timestamptz, clock_timestamp())
HAVING min(available_at) IS NOT NULL
