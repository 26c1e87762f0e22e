-- The workers that have not left, and those that were lost with attempts of theirs on record.
-- Parameters: none
-- Result: as find_worker, and running, their attempts
SELECT worker_id, role, state, host, host_identity, process_id, process_started, slots, started_at,
  heartbeat_at, lease_until, state IN ('live', 'draining') AND lease_until > clock_timestamp()
    AS holds_lease,
  (SELECT count(*) FROM runs.task WHERE task.state = 'running' AND task.worker_id = worker.worker_id)
    AS running
FROM runs.worker
WHERE state IN ('live', 'draining')
ORDER BY worker_id
