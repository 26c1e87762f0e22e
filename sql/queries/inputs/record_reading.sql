-- What a source's columns were at this load, and where the next one goes on.
-- Parameters: $1 source, $2 shape, $3 the oldest open transaction or NULL. Result: none.
UPDATE landing.source
SET shape = $2, transaction_cut = coalesce($3, transaction_cut)
WHERE source_id = $1
