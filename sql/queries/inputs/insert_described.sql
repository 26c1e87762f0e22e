-- The customers of whom a load said something.
-- Parameters: $1 load. Result: none.
INSERT INTO pg_temp.strata_described (customer_id)
SELECT DISTINCT customer_id FROM facts.profile_statement WHERE load_id = $1
ON CONFLICT DO NOTHING
