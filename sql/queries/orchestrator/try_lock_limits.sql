-- Takes the locks of limits (a pool, a DAG, a run, a task) until the end of the transaction, those
-- that nobody else has: whoever has one counts and claims alone under it.
-- Parameters: $1 names of the limits
-- Result: one row per limit: name, whether it was taken
SELECT name, pg_try_advisory_xact_lock(hashtextextended('strata.limit ' || name, 0)) AS taken
FROM unnest($1::text[]) AS name
