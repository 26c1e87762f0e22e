-- Ends the sessions of a worker that was given up: one that stands still inside a transaction would
-- hold its locks for as long as it stands.
-- Parameters: $1 start of the sessions' names
-- Result: one row per session: pid, ended
WITH sessions AS MATERIALIZED (
  -- Materialised: the planner may otherwise end every session of the server, and filter then.
  SELECT pid
  FROM pg_stat_activity
  WHERE datname = current_database() AND starts_with(application_name, $1)
    AND pid <> pg_backend_pid()
)
SELECT pid, pg_terminate_backend(pid) AS ended
FROM sessions
