-- Every key of the customers of strata_moved is one of those that stay from now on.
-- Parameters: none. Result: none.
UPDATE landing.identity AS i
SET customer_id = m.to_id
FROM pg_temp.strata_moved AS m
WHERE i.customer_id = m.from_id
