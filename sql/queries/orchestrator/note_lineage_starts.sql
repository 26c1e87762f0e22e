-- Notes for lineage the attempts that the statement before has started.
-- Parameters: $1 now, then arrays: $2 run_ids, $3 task ids
-- Result: none
INSERT INTO runs.lineage (happened_at, run_id, pass, kind, task_id, fencing_token)
SELECT $1, task.run_id, run.passes, 'START', task.task_id, task.fencing_token
FROM unnest($2::bigint[], $3::text[]) AS wanted (run_id, task_id)
JOIN runs.task USING (run_id, task_id)
JOIN runs.run USING (run_id)
