-- Staged customers that say nothing new become duplicates: without a time of validity, what is
-- believed now; with one, what this source said of that very time.
-- Parameters: $1 source. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = 'duplicate', column_name = 'customer'
FROM landing.identity AS i
JOIN facts.customers AS c USING (customer_id)
WHERE s.reason IS NULL
  AND i.customer_key = s.customer_key
  AND (s.occurred_at IS NULL OR c.first_seen_at <= s.occurred_at)
  AND CASE
    WHEN s.valid_from IS NULL THEN c.profile @> coalesce(s.properties, '{}')
    ELSE coalesce((
      SELECT facts.jsonb_merge(p.attributes ORDER BY p.recorded_at, p.load_id, p.line)
      FROM facts.profile_statement AS p
      WHERE p.customer_id = c.customer_id AND p.source_id = $1 AND p.valid_from = s.valid_from
        AND p.weight = 0) @> coalesce(s.properties, '{}'), false)
  END
