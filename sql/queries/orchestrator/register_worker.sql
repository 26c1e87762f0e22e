-- Makes a worker with a lease of its own, by the server's clock.
-- Parameters: $1 role, $2 host, $3 identity of the host, $4 process id, $5 when the process
--   started, $6 slots, $7 release, $8 seconds of the lease
-- Result: worker_id
INSERT INTO runs.worker (
  role, host, host_identity, process_id, process_started, slots, version, state, started_at,
  heartbeat_at, lease_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'live', clock_timestamp(), clock_timestamp(),
  clock_timestamp() + make_interval(secs => $8))
RETURNING worker_id
