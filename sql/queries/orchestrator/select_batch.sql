-- The first task of a batch that is ready in every run that it has not ended in: one row per run, in
-- the order of the backfill. None while intervals have yet to be started, or one of them waits for
-- an upstream task, a retry or a running attempt.
-- Parameters: $1 now where a test sets the clock, else null, $2 backfill_id, $3 queues served
-- Result: as select_claimable
WITH batch AS (
  SELECT run_id
  FROM runs.run
  WHERE backfill_id = $2 AND state = 'running' AND bound_worker_id = -$2
), ready AS (
  SELECT task.position
  FROM runs.task JOIN batch USING (run_id)
  GROUP BY task.position
  HAVING count(*) FILTER (
      WHERE task.state IN ('queued', 'retrying', 'deferred')
        AND task.available_at <= coalesce($1::timestamptz, clock_timestamp())
        AND task.queue = ANY ($3::text[])) > 0
    AND count(*) FILTER (
      WHERE task.state IN ('waiting', 'running')
        OR task.available_at > coalesce($1::timestamptz, clock_timestamp())) = 0
  ORDER BY task.position
  LIMIT 1
)
SELECT task.run_id, task.task_id, task.position, task.map_index, task.state, task.tries,
  task.priority, task.pool, task.slots, task.available_at, task.input, task.sensor_since,
  run.dag, run.kind, run.snapshot_hash, run.interval_start, run.interval_end, run.parallelism,
  run.backfill_id, coalesce($1::timestamptz, clock_timestamp()) AS at
FROM runs.task
JOIN ready USING (position)
JOIN batch ON batch.run_id = task.run_id
JOIN runs.run ON run.run_id = task.run_id
JOIN runs.backfill_interval
  ON backfill_interval.backfill_id = $2 AND backfill_interval.run_id = task.run_id
WHERE task.state IN ('queued', 'retrying', 'deferred')
  AND NOT EXISTS (
    SELECT FROM runs.backfill JOIN runs.backfill_interval AS pending USING (backfill_id)
    WHERE backfill.backfill_id = $2 AND backfill.state = 'running'
      AND pending.outcome = 'pending')
ORDER BY backfill_interval.place
FOR UPDATE OF task SKIP LOCKED
