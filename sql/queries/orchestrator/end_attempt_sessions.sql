-- Ends the sessions of an attempt whose process is gone, and waits until they are.
-- Parameters: $1 their name, before the server cuts it at 63 bytes
-- Result: one row per session: pid, ended
WITH sessions AS MATERIALIZED (
  -- Materialised: the planner may otherwise end every session of the server, and filter then.
  SELECT pid
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> ''
    AND starts_with($1, application_name)
)
SELECT pid, pg_terminate_backend(pid, 5000) AS ended
FROM sessions
