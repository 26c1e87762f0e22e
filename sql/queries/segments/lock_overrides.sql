-- Takes the lock of those who add or remove overrides until the end of the transaction, so that two
-- pins in one group cannot pass each other.
-- Result: one row, nothing in it.
SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended('strata.override', 0))
