-- Notes what is to be told to others about what this transaction decides.
-- Parameters: $1 run_id, $2 now, then arrays: $3 tasks or null, $4 events, $5 targets, $6 payloads
-- Result: none
INSERT INTO runs.callback (run_id, created_at, due_at, task_id, event, target, payload)
SELECT $1, $2, $2, told.*
FROM unnest($3::text[], $4::text[], $5::jsonb[], $6::jsonb[]) AS told
