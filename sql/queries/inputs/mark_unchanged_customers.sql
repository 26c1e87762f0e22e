-- Staged customers that say nothing new become duplicates.
-- Parameters: none. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = 'duplicate', column_name = 'customer'
FROM landing.identity AS i
JOIN facts.customers AS c USING (customer_id)
WHERE s.reason IS NULL
  AND i.customer_key = s.customer_key
  AND c.profile @> coalesce(s.properties, '{}')
  AND (s.occurred_at IS NULL OR c.first_seen_at <= s.occurred_at)
