-- Takes the lock of a DAG's interval for this session; the server frees it when the session ends,
-- also when the process is killed.
-- Parameters: $1 the lock's name
-- Result: locked, false where another session has it
SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked
