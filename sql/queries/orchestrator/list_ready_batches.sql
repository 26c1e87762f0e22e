-- Backfills whose intervals are served in one go, with a task that may be ready.
-- Parameters: $1 now where a test sets the clock, else null, $2 queues served, $3 a backfill, or
--   null for all
-- Result: backfill_id
SELECT DISTINCT run.backfill_id
FROM runs.task JOIN runs.run USING (run_id)
WHERE task.bound_worker_id < 0 AND task.state IN ('queued', 'retrying', 'deferred')
  AND task.available_at <= coalesce($1::timestamptz, clock_timestamp())
  AND task.queue = ANY ($2::text[]) AND run.backfill_id = -task.bound_worker_id
  AND ($3::bigint IS NULL OR run.backfill_id = $3)
ORDER BY run.backfill_id
