-- One worker.
-- Parameters: $1 worker
-- Result: one row or none; holds_lease by the server's clock
SELECT worker_id, role, state, host, host_identity, process_id, process_started, slots, started_at,
  heartbeat_at, lease_until, state IN ('live', 'draining') AND lease_until > clock_timestamp()
    AS holds_lease
FROM runs.worker
WHERE worker_id = $1
