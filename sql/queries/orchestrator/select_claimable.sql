-- The best tasks that may be claimed now. Rows that another claim looks at are skipped, so
-- claimers never wait for each other; those that are not chosen are free again at the commit.
-- Parameters: $1 now where a test sets the clock, else null, $2 the binding (a worker, or 0),
--   $3 queues served, then what is full: $4 runs, $5 DAGs, $6 pools, $7 tasks (as dag.task),
--   $8 mapped tasks (as run.task), $9 rows at most,
--   $10 of backfills (true) or of other runs (false),
--   $11 slots that are left of each pool of $6
-- Result: one row per task
SELECT task.run_id, task.task_id, task.position, task.map_index, task.state, task.tries,
  task.priority, task.pool, task.slots, task.available_at, task.input, task.sensor_since,
  run.dag, run.kind, run.snapshot_hash, run.interval_start, run.interval_end, run.parallelism,
  run.backfill_id, coalesce($1::timestamptz, clock_timestamp()) AS at
FROM runs.task JOIN runs.run USING (run_id)
WHERE task.state IN ('queued', 'retrying', 'deferred')
  AND task.available_at <= coalesce($1::timestamptz, clock_timestamp())
  AND task.bound_worker_id = $2
  AND task.is_backfill = $10
  -- A foreground run serves all queues: nobody else does it for it.
  AND ($2::bigint <> 0 OR task.queue = ANY ($3::text[]))
  AND task.run_id <> ALL ($4::bigint[])
  AND run.dag <> ALL ($5::text[])
  AND NOT EXISTS (
    SELECT FROM unnest($6::text[], $11::integer[]) AS full_pool (pool, slots)
    WHERE full_pool.pool = task.pool AND task.slots > full_pool.slots)
  AND run.dag || '.' || split_part(task.task_id, '[', 1) <> ALL ($7::text[])
  AND (task.map_index IS NULL
    OR task.run_id::text || '.' || split_part(task.task_id, '[', 1) <> ALL ($8::text[]))
ORDER BY task.priority DESC, task.available_at, task.run_id, task.position
LIMIT $9
FOR UPDATE OF task SKIP LOCKED
