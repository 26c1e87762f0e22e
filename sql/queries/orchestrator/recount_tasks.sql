-- Writes the tallies of tasks whose edges a new definition has changed.
-- Parameters: $1 run_id, then arrays: $2 task ids, $3-$7 upstream tasks that succeeded, failed,
--   could not run, were skipped, have not ended
-- Result: none
UPDATE runs.task
SET up_succeeded = counted.succeeded, up_failed = counted.failed,
  up_upstream_failed = counted.upstream_failed, up_skipped = counted.skipped,
  up_unfinished = counted.unfinished
FROM unnest(
  $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[]
) AS counted (task_id, succeeded, failed, upstream_failed, skipped, unfinished)
WHERE task.run_id = $1 AND task.task_id = counted.task_id
