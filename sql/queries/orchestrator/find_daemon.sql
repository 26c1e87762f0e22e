-- A daemon that takes work: of any host.
-- Parameters: none
-- Result: one row or none; as find_worker, for telling whether its process lives
SELECT worker_id, host, host_identity, process_id, process_started
FROM runs.worker
WHERE state = 'live' AND role <> 'run' AND slots > 0 AND lease_until > clock_timestamp()
