-- Where some tasks of a locked run stand. A claim holds a task's row without its run's, so the rows
-- are locked too: what is read is what is there after any claim in flight.
-- Parameters: $1 run_id, $2 task ids
-- Result: one row per task found; items_total is null for tasks that are not mapped or expanded
SELECT task_id, position, map_index, state, tries, allowed_tries, fencing_token, up_succeeded,
  up_failed, up_upstream_failed, up_skipped, up_unfinished, setups_succeeded, items_total,
  items_succeeded, items_failed, items_skipped, items_cancelled, is_held, is_clearing, skips, started_at
FROM runs.task
WHERE run_id = $1 AND task_id = ANY ($2::text[])
FOR UPDATE
