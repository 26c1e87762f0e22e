-- Drops all but the states of the newest days, and of the day that was stored last: a backfill of
-- past days goes on from there.
-- Parameters: $1 bigint, how many days to keep; $2 date, another day to keep, or null.
-- Result: none.
DELETE FROM features.state
WHERE day NOT IN (SELECT DISTINCT day FROM features.state ORDER BY day DESC LIMIT $1)
  AND day <> (SELECT day FROM features.state ORDER BY state_id DESC LIMIT 1)
  AND day IS DISTINCT FROM $2::date
