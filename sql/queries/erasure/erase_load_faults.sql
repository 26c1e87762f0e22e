-- Takes keys out of what failed loads kept of their first bad rows.
-- $1 text[] keys.
UPDATE landing.load AS l
SET error = landing.without_keys(l.error, landing.key_pattern($1::text[]))
WHERE l.error IS NOT NULL
  AND EXISTS (
    SELECT FROM unnest($1::text[]) AS k (customer_key)
    WHERE strpos(l.error::text, btrim(to_json(k.customer_key)::text, '"')) > 0)
