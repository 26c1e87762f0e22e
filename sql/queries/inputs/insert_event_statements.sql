-- Records what a load's profile updates say of customers: it holds from the event on.
-- Parameters: $1 source, $2 load, $3 when. Result: none; the number of rows is that of statements.
INSERT INTO facts.profile_statement
  (customer_id, valid_from, recorded_at, load_id, line, source_id, attributes)
SELECT i.customer_id, s.occurred_at, $3, $2, s.line, $1, s.profile
FROM pg_temp.strata_staged AS s
JOIN landing.identity AS i USING (customer_key)
WHERE s.reason IS NULL AND s.profile IS NOT NULL
