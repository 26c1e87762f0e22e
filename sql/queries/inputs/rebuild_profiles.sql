-- Puts the profiles of strata_described together anew from all that was said of them, closes the
-- records that are no longer believed and adds those that are now.
-- Of one source's statements for one instant the last recorded counts; what several sources say of
-- one instant must agree, else the attribute is null from then on, until one of them gives it again.
-- Parameters: $1 when. Result: none.
WITH said AS (
  SELECT s.customer_id, s.valid_from, s.weight, s.source_id,
    facts.jsonb_merge(s.attributes ORDER BY s.recorded_at, s.load_id, s.line) AS attributes
  FROM facts.profile_statement AS s
  WHERE s.customer_id = ANY (ARRAY(SELECT d.customer_id FROM pg_temp.strata_described AS d))
  GROUP BY s.customer_id, s.valid_from, s.weight, s.source_id
), agreed AS (
  SELECT customer_id, valid_from, weight,
    CASE WHEN count(*) = 1 THEN (array_agg(attributes))[1]
      ELSE facts.reconcile(array_agg(attributes)) END AS attributes
  FROM said
  GROUP BY customer_id, valid_from, weight
), moment AS (
  SELECT customer_id, valid_from, facts.jsonb_merge(attributes ORDER BY weight) AS attributes
  FROM agreed
  GROUP BY customer_id, valid_from
), standing AS (
  SELECT customer_id, valid_from,
    facts.jsonb_merge(attributes) OVER (PARTITION BY customer_id ORDER BY valid_from) AS attributes
  FROM moment
), change AS (
  SELECT customer_id, valid_from, attributes,
    lag(attributes) OVER (PARTITION BY customer_id ORDER BY valid_from)
      IS DISTINCT FROM attributes AS is_new
  FROM standing
), chain AS MATERIALIZED (
  SELECT customer_id, valid_from, attributes,
    coalesce(
      lead(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from), 'infinity') AS valid_to
  FROM change
  WHERE is_new
), believed AS MATERIALIZED (
  SELECT p.customer_id, p.valid_from, p.valid_to, p.attributes
  FROM facts.customer_profile AS p
  WHERE p.recorded_to = 'infinity'
    AND p.customer_id = ANY (ARRAY(SELECT d.customer_id FROM pg_temp.strata_described AS d))
), closed AS (
  UPDATE facts.customer_profile AS p
  SET recorded_to = $1
  FROM believed AS b
  -- One row is believed of a customer and instant.
  WHERE p.customer_id = b.customer_id AND p.valid_from = b.valid_from
    AND p.recorded_to = 'infinity'
    AND NOT EXISTS (
      SELECT FROM chain AS c
      WHERE c.customer_id = b.customer_id AND c.valid_from = b.valid_from
        AND c.valid_to = b.valid_to AND c.attributes = b.attributes)
), present AS (
  UPDATE facts.customers AS k
  SET profile = c.attributes
  FROM chain AS c
  WHERE c.valid_to = 'infinity' AND k.customer_id = c.customer_id AND k.profile <> c.attributes
)
INSERT INTO facts.customer_profile (customer_id, valid_from, valid_to, recorded_from, attributes)
SELECT c.customer_id, c.valid_from, c.valid_to, $1, c.attributes
FROM chain AS c
WHERE NOT EXISTS (
  SELECT FROM believed AS b
  WHERE b.customer_id = c.customer_id AND b.valid_from = c.valid_from
    AND b.valid_to = c.valid_to AND b.attributes = c.attributes)
