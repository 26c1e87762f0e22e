-- A heartbeat: the worker's lease lasts from now on.
-- Parameters: $1 worker, $2 seconds of the lease
-- Result: its number; no row where it was given up
UPDATE runs.worker
SET heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $2)
WHERE worker_id = $1 AND state IN ('live', 'draining')
RETURNING worker_id
