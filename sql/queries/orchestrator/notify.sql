-- Tells all processes of the project something, once the transaction commits.
-- Parameters: $1 channel, $2 payload
-- Result: one row without meaning
SELECT pg_notify($1, $2) IS NULL AS told
