-- Stores the plan of a backfill.
-- Parameters: $1 backfill_id, then arrays: $2 places, $3 starts, $4 ends, $5 runs that are there,
--   $6 actions, $7 outcomes, $8 reasons
-- Result: none
INSERT INTO runs.backfill_interval (
  backfill_id, place, interval_start, interval_end, run_id, action, outcome, reason)
SELECT $1, planned.*
FROM unnest(
  $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::text[], $7::text[],
  $8::text[]
) AS planned
