-- What happened to a run from outside, in order.
-- Parameters: $1 run_id
-- Result: one row per event
SELECT happened_at, kind, detail
FROM runs.event
WHERE run_id = $1
ORDER BY happened_at
