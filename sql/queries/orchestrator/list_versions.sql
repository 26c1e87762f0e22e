-- The definitions that a DAG was run with, the latest first.
-- Parameters: $1 dag
-- Result: one row per definition: hash, first_used_at, last_used_at (null where no run has it any
--   more), runs
SELECT hash, dag_snapshot.created_at AS first_used_at, max(run.started_at) AS last_used_at,
  count(run.run_id) AS runs
FROM runs.dag_snapshot LEFT JOIN runs.run ON run.snapshot_hash = dag_snapshot.hash
WHERE dag_snapshot.dag = $1
GROUP BY hash, dag_snapshot.created_at
ORDER BY dag_snapshot.created_at DESC, hash
