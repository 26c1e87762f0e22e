-- Forgets a call that was made or given up, unless somebody else has taken it since.
-- Parameters: $1 callback_id, $2 tries as it was taken
-- Result: none
DELETE FROM runs.callback
WHERE callback_id = $1 AND tries = $2
