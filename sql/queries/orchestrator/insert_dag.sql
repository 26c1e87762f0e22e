-- Remembers a DAG from when a scheduler first saw it.
-- Parameters: $1 dag, $2 now where a test sets the clock, else null
-- Result: none
INSERT INTO runs.dag (dag, first_seen_at)
VALUES ($1, coalesce($2::timestamptz, clock_timestamp()))
ON CONFLICT (dag) DO NOTHING
