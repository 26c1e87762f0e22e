-- Lets a paused schedule go on from now: what would have fired meanwhile was missed.
-- Parameters: $1 dag, $2 now
-- Result: dag; no row where it was not paused
UPDATE runs.dag
SET paused_at = NULL, active_since = $2
WHERE dag = $1 AND paused_at IS NOT NULL
RETURNING dag
