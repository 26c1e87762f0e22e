-- Counts staged rows that repeat a value of an earlier row, for a unique check that only warns.
-- Parameters: $1 the field, customer or item. Result: count, rows.
SELECT coalesce(sum(rows - 1), 0)::bigint AS count
FROM (
  SELECT count(*) AS rows
  FROM pg_temp.strata_staged
  WHERE reason IS NULL AND CASE $1 WHEN 'item' THEN item ELSE customer_key END IS NOT NULL
  GROUP BY CASE $1 WHEN 'item' THEN item ELSE customer_key END
) AS groups
