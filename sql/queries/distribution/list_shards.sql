-- The shards of facts.customers, which those of all other distributed tables lie beside. Needs the
-- extension citus.
-- Parameters: none.
-- Result: low, high integer: first and last hash of customer_id in the shard, ascending; no row
-- where the table is not distributed.
SELECT shardminvalue::integer AS low, shardmaxvalue::integer AS high
FROM pg_dist_shard
WHERE logicalrelid = 'facts.customers'::regclass AND shardminvalue IS NOT NULL
ORDER BY 1
