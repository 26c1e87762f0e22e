-- Writes what a decision changed about a locked run.
-- Parameters: $1 run_id, $2 state, $3 whether it is being cancelled, $4 unfinished, $5 active,
--   $6 failed, $7 cancelled, $8 now, $9 message for a run that ends, else null
-- Result: none
UPDATE runs.run
SET state = $2, is_cancelling = $3, unfinished = $4, active = $5, failed = $6, cancelled = $7,
  finished_at = CASE WHEN $2::text IN ('success', 'failed', 'cancelled') THEN $8::timestamptz END,
  message = $9,
  deadline_at = CASE WHEN $2::text IN ('success', 'failed', 'cancelled') THEN NULL
    ELSE deadline_at END
WHERE run_id = $1
