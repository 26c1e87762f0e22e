-- Whether a session holds the lock of a DAG's interval. The server shows the two halves of an
-- advisory lock's 64-bit key as unsigned numbers, and 1 as objsubid for keys of this kind.
-- Parameters: $1 the lock's name
-- Result: locked
SELECT EXISTS (
  SELECT 1
  FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0)
) AS locked
