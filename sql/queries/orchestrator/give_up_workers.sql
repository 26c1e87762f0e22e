-- Gives up the workers whose lease is over, and ends their sessions in the same statement: one that
-- stands still inside of a transaction would hold its locks, and a scheduler that died between two
-- statements would leave them to it. Another process that does the same is not waited for.
-- Parameters: none
-- Result: worker_id of each, and sessions, how many of it were ended
WITH given AS (
  UPDATE runs.worker
  SET state = 'lost', stopped_at = clock_timestamp()
  WHERE worker_id IN (
    SELECT worker_id
    FROM runs.worker
    WHERE state IN ('live', 'draining') AND lease_until < clock_timestamp()
    FOR UPDATE SKIP LOCKED)
  RETURNING worker_id
), sessions AS MATERIALIZED (
  -- Materialised: the planner may otherwise end every session of the server, and filter then.
  SELECT given.worker_id, pid
  FROM given
  JOIN pg_stat_activity ON starts_with(application_name, 'strata w' || given.worker_id || ' ')
  WHERE datname = current_database() AND pid <> pg_backend_pid()
)
SELECT given.worker_id, count(pg_terminate_backend(sessions.pid)) AS sessions
FROM given LEFT JOIN sessions USING (worker_id)
GROUP BY given.worker_id
