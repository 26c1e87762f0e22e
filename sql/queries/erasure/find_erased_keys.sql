-- Whether any of some keys is that of an erased customer.
-- $1 text[] keys that have no identity.
-- Result: found.
SELECT EXISTS (
  SELECT FROM unnest($1::text[]) AS k (customer_key)
  JOIN landing.erased_key AS e ON e.digest = landing.erased_digest(k.customer_key)) AS found
