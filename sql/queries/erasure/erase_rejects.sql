-- Removes rejected rows that hold one of some keys as a field or a word, also one written as CSV or
-- JSON write it where that differs.
-- $1 text[] keys.
DELETE FROM landing.rejected AS r
USING unnest($1::text[]) AS k (customer_key)
WHERE (strpos(r.raw, k.customer_key) > 0 AND k.customer_key IN (SELECT landing.words(r.raw)))
  OR (k.customer_key LIKE '%"%' AND strpos(r.raw, replace(k.customer_key, '"', '""')) > 0)
  OR (to_json(k.customer_key)::text <> '"' || k.customer_key || '"'
    AND strpos(r.raw, to_json(k.customer_key)::text) > 0)
