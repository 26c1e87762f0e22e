-- Counts staged rows whose customer is unknown, for a reference check that only warns.
-- Parameters: none. Result: count, rows.
SELECT count(*) AS count
FROM pg_temp.strata_staged AS s
WHERE s.reason IS NULL
  AND NOT EXISTS (SELECT FROM landing.identity AS i WHERE i.customer_key = s.customer_key)
