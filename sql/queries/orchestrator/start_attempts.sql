-- Starts attempts at tasks that the caller has locked: each gets a fencing token above all earlier
-- ones, and a row. A sensor's next look is no further try.
-- Parameters: $1 worker, $2 now where a test sets the clock, else null, $3 host, $4 process id, then
--   arrays: $5 run_ids, $6 task ids
-- Result: run_id, task_id, try, fencing_token, sensor_since, started_at
WITH moment AS MATERIALIZED (
  -- Later than the locks: a claim that had to wait for the processor may have looked at its rows
  -- before an earlier attempt ended, and locked them after it.
  SELECT coalesce($2::timestamptz, clock_timestamp()) AS at
), wanted AS MATERIALIZED (
  -- Materialised, so that nextval is called once per task.
  SELECT run_id, task_id, nextval('runs.fencing_token') AS token
  FROM unnest($5::bigint[], $6::text[]) AS wanted (run_id, task_id)
), leased AS (
  UPDATE runs.task
  SET state = 'running', fencing_token = wanted.token, worker_id = $1, started_at = moment.at,
    tries = task.tries + CASE WHEN task.state = 'deferred' THEN 0 ELSE 1 END,
    sensor_since = coalesce(task.sensor_since, moment.at), available_at = NULL, finished_at = NULL,
    error_code = NULL, message = NULL, output = NULL, stop_requested = false
  FROM wanted, moment
  WHERE task.run_id = wanted.run_id AND task.task_id = wanted.task_id
    AND task.state IN ('queued', 'retrying', 'deferred')
  RETURNING task.run_id, task.task_id, task.tries, wanted.token, task.sensor_since,
    task.started_at
), recorded AS (
  INSERT INTO runs.attempt (
    created_at, run_id, task_id, try, fencing_token, state, host, process_id, worker_id)
  SELECT started_at, run_id, task_id, tries, token, 'running', $3, $4, $1
  FROM leased
)
SELECT run_id, task_id, tries AS try, token AS fencing_token, sensor_since, started_at
FROM leased
