-- Makes the partitions for the month of an instant and the month after it.
-- Parameters: $1 the instant
-- Result: one row without meaning
SELECT runs.ensure_partitions($1) IS NULL AS made
