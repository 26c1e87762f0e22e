-- Frees the lock of a DAG's interval.
-- Parameters: $1 the lock's name
-- Result: unlocked, false where this session did not have it
SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS unlocked
