-- Notes something that happened to a run.
-- Parameters: $1 run_id or null where it has no row yet, $2 kind, $3 detail, $4 now
-- Result: none
INSERT INTO runs.event (run_id, kind, detail, happened_at)
VALUES ($1, $2, $3, $4)
