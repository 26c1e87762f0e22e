-- Gives staged rows whose customer is unknown a reason: the contract's reference check.
-- Parameters: $1 the check's name. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = $1, column_name = 'customer'
WHERE s.reason IS NULL
  AND NOT EXISTS (SELECT FROM landing.identity AS i WHERE i.customer_key = s.customer_key)
