-- Takes the project's publish lock until the end of the transaction: publications go one by one.
-- Result: one row, nothing in it.
SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended('strata.publish', 0))
