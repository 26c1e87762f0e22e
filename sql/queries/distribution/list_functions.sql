-- Which functions Citus has on every node. Needs the extension citus.
-- Parameters: $1 text[], signatures.
-- Result: signature text, those of $1 that it has.
SELECT signature
FROM unnest($1::text[]) AS s(signature)
WHERE to_regprocedure(signature)::oid IN (
  SELECT objid FROM pg_dist_object WHERE classid = 'pg_proc'::regclass)
