-- Gives what was said of the customers of strata_moved to those that stay; at equal times it yields
-- to what was said of these. Both get new profiles.
-- Parameters: none. Result: none.
WITH gone AS (
  DELETE FROM facts.profile_statement AS p
  USING pg_temp.strata_moved AS m
  WHERE p.customer_id = m.from_id
  RETURNING p.*, m.to_id
), described AS (
  INSERT INTO pg_temp.strata_described (customer_id)
  SELECT DISTINCT who.customer_id
  FROM gone AS g
  CROSS JOIN LATERAL (VALUES (g.customer_id), (g.to_id)) AS who (customer_id)
  ON CONFLICT DO NOTHING
)
INSERT INTO facts.profile_statement (
  customer_id, valid_from, recorded_at, load_id, line, source_id, weight, attributes)
SELECT to_id, valid_from, recorded_at, load_id, line, source_id, -1, attributes FROM gone
