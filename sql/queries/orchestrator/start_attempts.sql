-- Starts attempts: each task gets a fencing token above all earlier ones, and an attempt its row.
-- Parameters: $1 run_id, $2 task ids, $3 number of each attempt, $4 now, $5 host, $6 process id
-- Result: task_id, try, fencing_token; fewer rows than asked for where a task is not waiting
WITH wanted AS MATERIALIZED (
  -- Materialised, so that nextval is called once per task.
  SELECT task_id, attempt, nextval('runs.fencing_token') AS token
  FROM unnest($2::text[], $3::integer[]) AS wanted (task_id, attempt)
), leased AS (
  UPDATE runs.task
  SET state = 'running', tries = wanted.attempt, fencing_token = wanted.token, started_at = $4,
    finished_at = NULL, error_code = NULL, message = NULL, output = NULL
  FROM wanted
  WHERE task.run_id = $1 AND task.task_id = wanted.task_id
    AND task.state IN ('waiting', 'retrying')
  RETURNING task.task_id, wanted.attempt, wanted.token
)
INSERT INTO runs.attempt (
  created_at, run_id, task_id, try, fencing_token, state, host, process_id)
SELECT $4, $1, task_id, attempt, token, 'running', $5, $6
FROM leased
RETURNING task_id, try, fencing_token
