-- The pools and their slots in use; also those that tasks name and nobody has sized: one slot.
-- Parameters: none
-- Result: pool, slots, used (slots of running attempts), waiting (slots of claimable ones), note
WITH load AS (
  SELECT pool, coalesce(sum(slots) FILTER (WHERE state = 'running'), 0) AS used,
    coalesce(sum(slots) FILTER (WHERE state <> 'running'), 0) AS waiting
  FROM runs.task
  WHERE pool IS NOT NULL AND state IN ('queued', 'retrying', 'deferred', 'running')
  GROUP BY pool
)
SELECT coalesce(pool.pool, load.pool) AS pool, coalesce(pool.slots, 1) AS slots, pool.note,
  coalesce(load.used, 0) AS used, coalesce(load.waiting, 0) AS waiting
FROM runs.pool FULL JOIN load ON load.pool = pool.pool
ORDER BY 1
