-- Takes the project's publish lock until the end of the transaction: publications go one by one.
-- Result: one row: removed = spells removed of a publication that never came to its end.
SELECT segments.lock_publication() AS removed
