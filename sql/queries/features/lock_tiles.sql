-- The tiles' version and zone, locked against other folds until the transaction ends.
-- Parameters: none.
-- Result: version bigint; zone text (null before the first fold).
SELECT version, zone FROM features.tiles FOR UPDATE
