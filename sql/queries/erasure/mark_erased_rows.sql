-- Gives staged rows of erased customers a reason, and takes what they said. An erased key has no
-- identity any more, so only keys that nobody has are hashed.
-- $1 whether the rows are merges, whose event_id is the key of the customer that stays.
UPDATE pg_temp.strata_staged AS s
SET reason = 'erased', column_name = 'customer', raw = ''
WHERE s.reason IS NULL
  AND (
    (NOT EXISTS (SELECT FROM landing.identity AS i WHERE i.customer_key = s.customer_key)
      AND EXISTS (
        SELECT FROM landing.erased_key AS e
        WHERE e.digest = landing.erased_digest(s.customer_key)))
    OR ($1::boolean
      AND EXISTS (
        SELECT FROM landing.erased_key AS e WHERE e.digest = landing.erased_digest(s.event_id))))
