-- Records what a load's accepted rows say of customers. Without a time of validity it holds from the
-- beginning of time where nothing was said of the customer before, else from $4 on.
-- Parameters: $1 source, $2 load, $3 when, $4 since when it holds. Result: none; the number of rows
-- is that of statements.
WITH described AS MATERIALIZED (
  SELECT DISTINCT customer_id
  FROM facts.profile_statement
  WHERE customer_id = ANY (ARRAY(
    SELECT i.customer_id
    FROM pg_temp.strata_staged AS s
    JOIN landing.identity AS i USING (customer_key)
    WHERE s.reason IS NULL))
)
INSERT INTO facts.profile_statement
  (customer_id, valid_from, recorded_at, load_id, line, source_id, attributes)
SELECT i.customer_id,
  coalesce(s.valid_from, CASE
    WHEN i.customer_id IN (SELECT customer_id FROM described)
    THEN $4::timestamptz ELSE '-infinity' END),
  $3, $2, s.line, $1, coalesce(s.profile, s.properties)
FROM pg_temp.strata_staged AS s
JOIN landing.identity AS i USING (customer_key)
WHERE s.reason IS NULL AND coalesce(s.profile, s.properties) IS NOT NULL
