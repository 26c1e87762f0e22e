-- Drops all but the states of the newest days.
-- Parameters: $1 bigint, how many days to keep.
-- Result: none.
DELETE FROM features.state
WHERE day NOT IN (SELECT DISTINCT day FROM features.state ORDER BY day DESC LIMIT $1)
