-- Forgets lineage events that were told.
-- Parameters: $1 lineage_ids
-- Result: none
DELETE FROM runs.lineage WHERE lineage_id = ANY ($1::bigint[])
