-- Opens the ledger's row of a load, inside the load's transaction.
-- Parameters: $1 source, $2 file or NULL, $3 bytes or NULL, $4 digest or NULL, $5 definition,
-- $6 started_at, $7 the load that is replayed or NULL. Result: load_id.
INSERT INTO landing.load (
  source_id, file, bytes, digest, definition, started_at, replays, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'loaded')
RETURNING load_id
