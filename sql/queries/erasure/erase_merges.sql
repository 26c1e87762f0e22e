-- Removes the merges that made one customer of several.
-- $1 bigint[] customers, $2 text[] their keys.
DELETE FROM landing.merge
WHERE from_id = ANY ($1::bigint[]) OR to_id = ANY ($1::bigint[])
  OR from_key = ANY ($2::text[]) OR to_key = ANY ($2::text[])
