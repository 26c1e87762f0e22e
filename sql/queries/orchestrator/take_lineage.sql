-- The next lineage events to tell, in order; one process at a time tells them.
-- Parameters: $1 how many at most
-- Result: lineage_id, happened_at, run_id, pass, kind, task_id, fencing_token, message; no row where
--   another process is at it
SELECT lineage_id, happened_at, run_id, pass, kind, task_id, fencing_token, message
FROM runs.lineage
WHERE (SELECT pg_try_advisory_xact_lock(hashtextextended('runs.lineage', 0)))
ORDER BY lineage_id
LIMIT $1
