-- Writes what a decision changed about the tasks of a locked run.
-- Parameters: $1 run_id, $2 now, then arrays: $3 task ids, $4 states, $5 when claimable, $6 attempts
--   allowed, $7-$11 upstream tallies (succeeded, failed, upstream_failed, skipped, unfinished),
--   $12 setups succeeded, $13-$17 items (total, succeeded, failed, skipped, cancelled), $18 held,
--   $19 clearing, $20 whether the message of $21 is to be written, $21 messages,
--   $22 tries, $23 tasks that a branch ruled out
--   (what was claimable stays claimable when it was, where $5 is null)
-- Result: one row: changed, expected (tasks)
WITH changed_rows AS (
  UPDATE runs.task
  SET state = changed.state,
    available_at = CASE WHEN changed.state IN ('queued', 'retrying', 'deferred')
      THEN coalesce(changed.available_at, task.available_at) END,
    finished_at = CASE
      WHEN changed.state IN ('success', 'failed', 'upstream_failed', 'skipped', 'cancelled')
      THEN coalesce(task.finished_at, $2) END,
    tries = changed.tries,
    allowed_tries = changed.allowed_tries,
    up_succeeded = changed.up_succeeded,
    up_failed = changed.up_failed,
    up_upstream_failed = changed.up_upstream_failed,
    up_skipped = changed.up_skipped,
    up_unfinished = changed.up_unfinished,
    setups_succeeded = changed.setups_succeeded,
    items_total = changed.items_total,
    items_succeeded = changed.items_succeeded,
    items_failed = changed.items_failed,
    items_skipped = changed.items_skipped,
    items_cancelled = changed.items_cancelled,
    is_held = changed.is_held,
    is_clearing = changed.is_clearing,
    skips = changed.skips,
    stop_requested = task.stop_requested AND changed.state = 'running',
    message = CASE WHEN changed.has_message THEN changed.message ELSE task.message END,
    -- A task that waits again has no product and no error any more.
    output = CASE WHEN changed.state <> 'waiting' THEN task.output END,
    error_code = CASE WHEN changed.state <> 'waiting' THEN task.error_code END,
    sensor_since = CASE WHEN changed.state <> 'waiting' THEN task.sensor_since END
  FROM unnest(
    $3::text[], $4::text[], $5::timestamptz[], $6::integer[], $7::integer[], $8::integer[],
    $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[],
    $15::integer[], $16::integer[], $17::integer[], $18::boolean[], $19::boolean[], $20::boolean[],
    $21::text[], $22::integer[], $23::text[]
  ) AS changed (
    task_id, state, available_at, allowed_tries, up_succeeded, up_failed, up_upstream_failed,
    up_skipped, up_unfinished, setups_succeeded, items_total, items_succeeded, items_failed,
    items_skipped, items_cancelled, is_held, is_clearing, has_message, message, tries,
    skips)
  WHERE task.run_id = $1 AND task.task_id = changed.task_id
  RETURNING 1
)
SELECT (SELECT count(*) FROM changed_rows) AS changed, cardinality($3::text[])::bigint AS expected
