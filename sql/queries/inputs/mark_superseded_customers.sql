-- Of several staged rows for one customer and one beginning of validity the last one counts; the
-- others become duplicates.
-- Parameters: none. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = 'duplicate', column_name = 'customer'
FROM (
  SELECT customer_key, valid_from, max(line) AS line
  FROM pg_temp.strata_staged
  WHERE reason IS NULL
  GROUP BY customer_key, valid_from
  HAVING count(*) > 1
) AS latest
WHERE s.reason IS NULL AND s.customer_key = latest.customer_key
  AND s.valid_from IS NOT DISTINCT FROM latest.valid_from AND s.line < latest.line
