-- Changes how a worker stands: draining, gone in order, or lost.
-- Parameters: $1 worker, $2 state
-- Result: none; one row is changed, or none where it had left
UPDATE runs.worker
SET state = $2, stopped_at = CASE WHEN $2::text <> 'draining' THEN clock_timestamp() END
WHERE worker_id = $1 AND state IN ('live', 'draining')
