-- Lets one worker at a time look for a task of a batch; held until the transaction ends.
-- Parameters: $1 backfill_id
-- Result: taken
SELECT pg_try_advisory_xact_lock(hashtextextended('strata batch ' || $1::bigint::text, 0)) AS taken
