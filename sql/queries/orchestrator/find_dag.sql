-- What is remembered of a DAG.
-- Parameters: $1 dag
-- Result: active_since (first seen, or last resumed), paused_at, last_interval_start,
--   last_interval_end; no row where no scheduler has seen it
SELECT coalesce(active_since, first_seen_at) AS active_since, paused_at, last_interval_start,
  last_interval_end
FROM runs.dag
WHERE dag = $1
