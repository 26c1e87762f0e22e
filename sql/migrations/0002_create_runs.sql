-- Runs, their tasks and attempts, logs and events. The ledger (run, task) is small and kept;
-- attempts, logs and events are partitioned by the month (UTC) they were made in, so that
-- retention drops partitions instead of deleting rows.

CREATE TABLE runs.dag_snapshot (
  hash text PRIMARY KEY,
  dag text NOT NULL,
  definition jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE runs.dag_snapshot IS
  'Every definition of a DAG that a run began with, named by the SHA-256 of its canonical JSON';
COMMENT ON COLUMN runs.dag_snapshot.hash IS '64 lower-case hexadecimal digits';
COMMENT ON COLUMN runs.dag_snapshot.dag IS 'Name of the DAG';
COMMENT ON COLUMN runs.dag_snapshot.definition IS 'The definition: tasks, edges, rules, schedule';
COMMENT ON COLUMN runs.dag_snapshot.created_at IS 'When it was first run';

CREATE TABLE runs.run (
  run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  interval_start timestamptz NOT NULL,
  interval_end timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  passes integer NOT NULL DEFAULT 1,
  dag text NOT NULL,
  params_hash text NOT NULL,
  snapshot_hash text NOT NULL REFERENCES runs.dag_snapshot (hash),
  state text NOT NULL CHECK (state IN ('running', 'success', 'failed', 'cancelled')),
  message text,
  params jsonb NOT NULL,
  CHECK (interval_start < interval_end),
  UNIQUE (dag, interval_start, interval_end, params_hash)
);
CREATE INDEX run_by_interval ON runs.run (dag, interval_end DESC, run_id DESC);
COMMENT ON TABLE runs.run IS 'One row per run: a DAG over a data interval with parameters';
COMMENT ON COLUMN runs.run.run_id IS 'Number of the run, rising';
COMMENT ON COLUMN runs.run.interval_start IS 'First instant of the data interval';
COMMENT ON COLUMN runs.run.interval_end IS 'First instant after it: the as-of of the run';
COMMENT ON COLUMN runs.run.created_at IS 'When the run was first asked for';
COMMENT ON COLUMN runs.run.started_at IS 'When its latest pass began';
COMMENT ON COLUMN runs.run.finished_at IS 'When its latest pass ended; null while it is under way';
COMMENT ON COLUMN runs.run.passes IS 'How often it was started: 1, and 1 for each resumption';
COMMENT ON COLUMN runs.run.dag IS 'Name of the DAG';
COMMENT ON COLUMN runs.run.params_hash IS 'SHA-256 of the canonical JSON of params';
COMMENT ON COLUMN runs.run.snapshot_hash IS 'The definition that the run began with';
COMMENT ON COLUMN runs.run.state IS
  'running (also after a crash, until it is resumed), success, failed, cancelled';
COMMENT ON COLUMN runs.run.message IS 'Why it failed, in a sentence; null unless it did';
COMMENT ON COLUMN runs.run.params IS 'Parameters, a JSON object';

-- Every attempt gets a higher token than any before it; writes of an attempt whose token is no
-- longer its task's are refused.
CREATE SEQUENCE runs.fencing_token;

CREATE TABLE runs.task (
  run_id bigint NOT NULL REFERENCES runs.run (run_id),
  fencing_token bigint,
  started_at timestamptz,
  finished_at timestamptz,
  position integer NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  allowed_tries integer NOT NULL,
  task_id text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN (
    'waiting', 'running', 'retrying', 'success', 'failed', 'upstream_failed', 'skipped',
    'cancelled')),
  error_code text,
  message text,
  output jsonb,
  PRIMARY KEY (run_id, task_id)
);
COMMENT ON TABLE runs.task IS 'Where each task of each run stands';
COMMENT ON COLUMN runs.task.run_id IS 'The run';
COMMENT ON COLUMN runs.task.fencing_token IS 'Token of its latest attempt; null before the first';
COMMENT ON COLUMN runs.task.started_at IS 'When its latest attempt began; null before the first';
COMMENT ON COLUMN runs.task.finished_at IS 'When it reached its final state; null before';
COMMENT ON COLUMN runs.task.position IS 'Place in the declaration of the DAG, from 0';
COMMENT ON COLUMN runs.task.tries IS 'Attempts started so far';
COMMENT ON COLUMN runs.task.allowed_tries IS 'Attempts it may use in all';
COMMENT ON COLUMN runs.task.task_id IS 'Id within the DAG';
COMMENT ON COLUMN runs.task.kind IS 'Name of the task kind';
COMMENT ON COLUMN runs.task.state IS
  'waiting, running, retrying, or final: success, failed, upstream_failed, skipped, cancelled';
COMMENT ON COLUMN runs.task.error_code IS 'Code of its latest failure; null unless it failed';
COMMENT ON COLUMN runs.task.message IS 'Why it failed or was skipped; null otherwise';
COMMENT ON COLUMN runs.task.output IS 'Its product as JSON; null unless it succeeded';

CREATE TABLE runs.attempt (
  created_at timestamptz NOT NULL,
  run_id bigint NOT NULL,
  fencing_token bigint NOT NULL,
  finished_at timestamptz,
  try integer NOT NULL,
  process_id integer NOT NULL,
  task_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'success', 'failed', 'skipped', 'cancelled')),
  host text NOT NULL,
  error_code text,
  message text,
  hint text,
  progress jsonb,
  PRIMARY KEY (run_id, task_id, try, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE runs.attempt IS 'Every attempt at a task, by month of its start (UTC)';
COMMENT ON COLUMN runs.attempt.created_at IS 'When it started';
COMMENT ON COLUMN runs.attempt.run_id IS 'The run';
COMMENT ON COLUMN runs.attempt.fencing_token IS 'Its token: higher than that of any before it';
COMMENT ON COLUMN runs.attempt.finished_at IS 'When it ended; null while it runs';
COMMENT ON COLUMN runs.attempt.try IS 'Number of the attempt, from 1';
COMMENT ON COLUMN runs.attempt.process_id IS 'Process that ran it';
COMMENT ON COLUMN runs.attempt.task_id IS 'The task';
COMMENT ON COLUMN runs.attempt.state IS 'running, success, failed, skipped, cancelled';
COMMENT ON COLUMN runs.attempt.host IS 'Host of that process';
COMMENT ON COLUMN runs.attempt.error_code IS 'Code of the failure; null unless it failed';
COMMENT ON COLUMN runs.attempt.message IS 'Why it failed or was skipped; null otherwise';
COMMENT ON COLUMN runs.attempt.hint IS 'What to do about it; null if unknown';
COMMENT ON COLUMN runs.attempt.progress IS 'Last reported progress; null if none was';

CREATE TABLE runs.log (
  logged_at timestamptz NOT NULL,
  run_id bigint NOT NULL,
  sequence bigint NOT NULL,
  try integer NOT NULL,
  task_id text NOT NULL,
  level text NOT NULL,
  message text NOT NULL,
  metadata jsonb NOT NULL
) PARTITION BY RANGE (logged_at);
CREATE INDEX log_by_attempt ON runs.log (run_id, task_id, try);
COMMENT ON TABLE runs.log IS 'Log lines of attempts, by month (UTC)';
COMMENT ON COLUMN runs.log.logged_at IS 'When the line was logged';
COMMENT ON COLUMN runs.log.run_id IS 'The run';
COMMENT ON COLUMN runs.log.sequence IS 'Order of the lines of a run';
COMMENT ON COLUMN runs.log.try IS 'Number of the attempt';
COMMENT ON COLUMN runs.log.task_id IS 'The task';
COMMENT ON COLUMN runs.log.level IS 'trace, debug, info, notice, warning, error, critical';
COMMENT ON COLUMN runs.log.message IS 'The line';
COMMENT ON COLUMN runs.log.metadata IS 'Its metadata, a JSON object of strings';

CREATE TABLE runs.event (
  happened_at timestamptz NOT NULL,
  run_id bigint,
  kind text NOT NULL CHECK (kind IN (
    'created', 'resumed', 'retried', 'in_flight', 'cancel_requested', 'finished')),
  detail jsonb NOT NULL
) PARTITION BY RANGE (happened_at);
CREATE INDEX event_by_run ON runs.event (run_id, happened_at);
COMMENT ON TABLE runs.event IS 'What happened to runs from outside, by month (UTC)';
COMMENT ON COLUMN runs.event.happened_at IS 'When';
COMMENT ON COLUMN runs.event.run_id IS 'The run; null where it had no row yet';
COMMENT ON COLUMN runs.event.kind IS
  'created, resumed after a crash, retried after a failure, in_flight (another process asked for '
  'the interval and was refused), cancel_requested, finished';
COMMENT ON COLUMN runs.event.detail IS 'More about it, a JSON object';

-- Makes the partitions for the month of an instant and the month after it, where they are missing.
CREATE FUNCTION runs.ensure_partitions(at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  month timestamp;
  child text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['attempt', 'log', 'event'] LOOP
    FOR step IN 0..1 LOOP
      month := date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => step);
      child := parent || '_' || to_char(month, 'YYYY_MM');
      IF to_regclass(format('runs.%I', child)) IS NULL THEN
        -- Two processes may find it missing; the lock lets one make it and the other see it.
        PERFORM pg_advisory_xact_lock(hashtextextended('runs.ensure_partitions', 0));
        EXECUTE format(
          'CREATE TABLE IF NOT EXISTS runs.%I PARTITION OF runs.%I FOR VALUES FROM (%L) TO (%L)',
          child, parent, month AT TIME ZONE 'UTC',
          (month + interval '1 month') AT TIME ZONE 'UTC');
      END IF;
    END LOOP;
  END LOOP;
END
$$;
COMMENT ON FUNCTION runs.ensure_partitions(timestamptz) IS
  'Makes the partitions of attempts, logs and events for the month of an instant and the next';
