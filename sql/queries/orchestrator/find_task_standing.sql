-- How a task and its run stand.
-- Parameters: $1 run_id, $2 task_id
-- Result: state, tries, run_state, created_at of the run; no row where there is no such task
SELECT task.state, task.tries, run.state AS run_state, run.created_at
FROM runs.task JOIN runs.run USING (run_id)
WHERE task.run_id = $1 AND task.task_id = $2
