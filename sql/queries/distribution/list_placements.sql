-- The tables that Citus knows, without the partitions of others. Needs the extension citus.
-- Parameters: $1 text[], the schemas.
-- Result: table_name text, schema.name; method text, h (by hash) or n (no key); replication text,
-- t for reference tables; colocation bigint, the group; column_name text, the distribution column,
-- null without one.
SELECT n.nspname || '.' || c.relname AS table_name, p.partmethod::text AS method,
  p.repmodel::text AS replication, p.colocationid::bigint AS colocation,
  CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END
    AS column_name
FROM pg_dist_partition AS p
JOIN pg_class AS c ON c.oid = p.logicalrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT c.relispartition AND n.nspname = ANY ($1::text[])
