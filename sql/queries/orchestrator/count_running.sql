-- How much of each limit is in use, and the sizes of pools.
-- Parameters: $1 runs, $2 DAGs, $3 pools, $4 tasks (as dag.task)
-- Result: kind (run, dag, pool, task, mapped, or size for a pool's slots), name, used; limits that
--   nothing uses and pools that nobody sized are missing
WITH running AS MATERIALIZED (
  SELECT task.run_id, run.dag, task.pool, task.slots, split_part(task.task_id, '[', 1) AS task_id,
    task.map_index
  FROM runs.task JOIN runs.run USING (run_id)
  WHERE task.state = 'running' AND task.items_total IS NULL
)
SELECT 'run' AS kind, run_id::text AS name, count(*) AS used
FROM running WHERE run_id = ANY ($1::bigint[]) GROUP BY run_id
UNION ALL
SELECT 'dag', dag, count(*) FROM running WHERE dag = ANY ($2::text[]) GROUP BY dag
UNION ALL
SELECT 'pool', pool, sum(slots) FROM running WHERE pool = ANY ($3::text[]) GROUP BY pool
UNION ALL
SELECT 'task', dag || '.' || task_id, count(*)
FROM running WHERE dag || '.' || task_id = ANY ($4::text[]) GROUP BY dag, task_id
UNION ALL
SELECT 'mapped', run_id::text || '.' || task_id, count(*)
FROM running WHERE run_id = ANY ($1::bigint[]) AND map_index IS NOT NULL GROUP BY run_id, task_id
UNION ALL
SELECT 'size', pool, slots FROM runs.pool WHERE pool = ANY ($3::text[])
