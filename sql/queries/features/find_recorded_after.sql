-- Whether anything was recorded of a customer, after an instant, that counts at another: events of
-- some loads, corrections, merges, statements of the profile, a beginning.
-- Parameters: $1 bigint, the customer; $2 bigint[], the loads; $3 timestamptz, the instant of knowledge
-- (infinity: now); $4 timestamptz, the instant of the features.
-- Result: is_recorded boolean
SELECT
  EXISTS (
    SELECT FROM facts.events AS e
    WHERE e.customer_id = $1 AND e.load_id = ANY ($2) AND e.occurred_at < $4)
  OR EXISTS (
    SELECT FROM facts.touched AS t
    WHERE t.customer_id = $1 AND t.recorded_at > $3 AND t.first_at < $4)
  OR EXISTS (
    SELECT FROM facts.customer_profile AS p
    WHERE p.customer_id = $1 AND p.valid_from < $4
      AND (p.recorded_from > $3 OR (p.recorded_to > $3 AND p.recorded_to < 'infinity')))
  OR EXISTS (
    SELECT FROM facts.customer_record AS c
    WHERE c.customer_id = $1 AND c.recorded_at > $3) AS is_recorded
