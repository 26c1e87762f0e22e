-- Pauses a DAG's schedule, also before a scheduler has seen it.
-- Parameters: $1 dag, $2 now
-- Result: dag; no row where it was paused already
INSERT INTO runs.dag (dag, first_seen_at, paused_at)
VALUES ($1, $2, $2)
ON CONFLICT (dag) DO UPDATE
SET paused_at = excluded.paused_at
WHERE runs.dag.paused_at IS NULL
RETURNING dag
