-- Where all tasks of a run stand, mapped items among them, nothing locked: for what only looks.
-- Parameters: $1 run_id
-- Result: as load_standings
SELECT task_id, position, map_index, state, tries, allowed_tries, fencing_token, up_succeeded,
  up_failed, up_upstream_failed, up_skipped, up_unfinished, setups_succeeded, items_total,
  items_succeeded, items_failed, items_skipped, items_cancelled, is_held, is_clearing, skips,
  started_at
FROM runs.task
WHERE run_id = $1
