-- Takes in how the runs of a backfill ended.
-- Parameters: $1 backfill_id
-- Result: none
UPDATE runs.backfill_interval
SET outcome = run.state, reason = run.message
FROM runs.run
WHERE backfill_interval.backfill_id = $1 AND backfill_interval.outcome = 'started'
  AND run.run_id = backfill_interval.run_id AND run.state IN ('success', 'failed', 'cancelled')
