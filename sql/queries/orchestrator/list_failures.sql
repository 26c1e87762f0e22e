-- The tasks of a run that failed, in the order of their declaration; a mapped task stands for its
-- items, and where it has no words of its own, those of its first failed item.
-- Parameters: $1 run_id
-- Result: task_id, message
SELECT task_id, coalesce(message, (
    SELECT item.task_id || ': ' || item.message
    FROM runs.task AS item
    WHERE item.run_id = $1 AND item.position = task.position AND item.map_index IS NOT NULL
      AND item.state = 'failed'
    ORDER BY item.map_index
    LIMIT 1)) AS message
FROM runs.task
WHERE run_id = $1 AND state = 'failed' AND map_index IS NULL
ORDER BY position
