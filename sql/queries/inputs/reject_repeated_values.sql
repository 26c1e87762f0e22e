-- Gives staged rows that repeat a value of an earlier row of the same load a reason: the contract's
-- unique check.
-- Parameters: $1 the field, customer or item, $2 the check's name. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = $2, column_name = $1
FROM (
  SELECT line, value, row_number() OVER (PARTITION BY value ORDER BY line) AS place
  FROM (
    SELECT line, CASE $1 WHEN 'item' THEN item ELSE customer_key END AS value
    FROM pg_temp.strata_staged
    WHERE reason IS NULL
  ) AS named
) AS placed
WHERE s.line = placed.line AND placed.place > 1 AND placed.value IS NOT NULL
