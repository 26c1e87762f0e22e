-- Holds off loads until the transaction ends: none may bring back what is being erased. The lock of
-- merges: every load holds it, together with the others.
-- Result: one row, nothing in it.
SELECT 1 AS locked FROM pg_advisory_xact_lock(hashtextextended('landing.merge', 0))
