-- Whether this database has the catalogue of Citus.
-- Parameters: none.
-- Result: found boolean.
SELECT to_regclass('pg_dist_shard') IS NOT NULL AS found
