-- Starts queued runs of a DAG, the oldest interval first, as far as its limit goes; backfills have a
-- limit of their own and do not count. One whose interval another run holds goes on waiting.
-- Parameters: $1 dag, $2 runs at once, $3 now
-- Result: run_id, snapshot_hash, interval_start, interval_end of those started
UPDATE runs.run
SET state = 'running', started_at = $3
WHERE run_id IN (
  SELECT queued.run_id
  FROM runs.run AS queued
  WHERE queued.dag = $1 AND queued.state = 'queued'
    AND NOT EXISTS (
      SELECT FROM runs.run AS other
      WHERE other.dag = queued.dag AND other.state IN ('running', 'queued')
        AND other.interval_start = queued.interval_start
        AND other.interval_end = queued.interval_end
        AND (other.state = 'running' OR other.run_id < queued.run_id))
  ORDER BY queued.interval_start, queued.run_id
  LIMIT greatest(0, $2 - (
    SELECT count(*) FROM runs.run AS active
    WHERE active.dag = $1 AND active.state = 'running' AND active.kind <> 'backfill'))
  FOR UPDATE SKIP LOCKED)
RETURNING run_id, snapshot_hash, interval_start, interval_end
