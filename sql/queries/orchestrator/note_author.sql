-- Notes who asked for a run, and why; who asked without a reason leaves the one before.
-- Parameters: $1 run_id, $2 author, $3 reason or null
UPDATE runs.run SET author = $2, reason = coalesce($3, reason) WHERE run_id = $1
