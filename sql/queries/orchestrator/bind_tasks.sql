-- Gives the tasks of a run to the one worker that may run them, or with 0 to any.
-- Parameters: $1 run_id, $2 worker or 0
-- Result: none
UPDATE runs.task
SET bound_worker_id = $2
WHERE run_id = $1 AND bound_worker_id <> $2
