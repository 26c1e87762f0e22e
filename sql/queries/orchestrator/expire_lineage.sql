-- Gives up lineage events that nobody could be told of for a week.
-- Parameters: none
-- Result: one row per event: lineage_id
DELETE FROM runs.lineage WHERE happened_at < now() - interval '7 days' RETURNING lineage_id
