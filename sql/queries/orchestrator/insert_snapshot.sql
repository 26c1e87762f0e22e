-- Stores a definition once.
-- Parameters: $1 hash, $2 dag, $3 definition, $4 now
-- Result: none
INSERT INTO runs.dag_snapshot (hash, dag, definition, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (hash) DO NOTHING
