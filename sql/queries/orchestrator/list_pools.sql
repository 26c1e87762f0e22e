-- The pools and their slots in use.
-- Parameters: none
-- Result: pool, slots, used (slots of running attempts), waiting (slots of claimable ones), note
SELECT pool.pool, pool.slots, pool.note,
  coalesce(sum(task.slots) FILTER (WHERE task.state = 'running'), 0) AS used,
  coalesce(sum(task.slots) FILTER (WHERE task.state <> 'running'), 0) AS waiting
FROM runs.pool
LEFT JOIN runs.task
  ON task.pool = pool.pool AND task.state IN ('queued', 'retrying', 'deferred', 'running')
GROUP BY pool.pool
ORDER BY pool.pool
