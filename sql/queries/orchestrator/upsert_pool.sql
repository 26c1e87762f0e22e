-- Makes a pool, or gives one another size.
-- Parameters: $1 pool, $2 slots, $3 what it protects, or null for what was said before
-- Result: none
INSERT INTO runs.pool (pool, slots, note)
VALUES ($1, $2, $3)
ON CONFLICT (pool) DO UPDATE
SET slots = excluded.slots, updated_at = now(), note = coalesce(excluded.note, runs.pool.note)
