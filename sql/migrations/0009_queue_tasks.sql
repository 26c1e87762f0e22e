-- Tasks as a queue that any worker of any host claims from, workers with leases, pools, the
-- schedule's memory, backfills, and what is to be told to others (callbacks).

-- Runs --------------------------------------------------------------------------------------------

ALTER TABLE runs.run
  DROP CONSTRAINT run_state_check,
  ADD COLUMN due_at timestamptz,
  ADD COLUMN deadline_at timestamptz,
  ADD COLUMN bound_worker_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN backfill_id bigint,
  ADD COLUMN unfinished integer NOT NULL DEFAULT 0,
  ADD COLUMN active integer NOT NULL DEFAULT 0,
  ADD COLUMN failed integer NOT NULL DEFAULT 0,
  ADD COLUMN cancelled integer NOT NULL DEFAULT 0,
  ADD COLUMN parallelism integer NOT NULL DEFAULT 16,
  ADD COLUMN is_cancelling boolean NOT NULL DEFAULT false,
  ADD COLUMN kind text NOT NULL DEFAULT 'manual'
    CHECK (kind IN ('manual', 'scheduled', 'backfill', 'asset'));

-- What an older version left under way has nobody who knows it: the next call retries it.
UPDATE runs.attempt
SET state = 'failed', finished_at = created_at, error_code = 'orchestrator.interrupted',
  message = 'interrupted before an upgrade'
WHERE state = 'running';
UPDATE runs.task
SET state = 'failed', error_code = 'orchestrator.interrupted',
  message = 'interrupted before an upgrade'
WHERE state IN ('waiting', 'running', 'retrying')
  AND run_id IN (SELECT run_id FROM runs.run WHERE state = 'running');
UPDATE runs.run
SET state = 'failed', finished_at = started_at,
  message = 'interrupted before an upgrade: run it again'
WHERE state = 'running';

ALTER TABLE runs.run
  ADD CONSTRAINT run_state_check
    CHECK (state IN ('queued', 'running', 'success', 'failed', 'cancelled'));

-- The law of one run per DAG and interval at a time, whatever its parameters.
CREATE UNIQUE INDEX run_in_flight ON runs.run (dag, interval_start, interval_end)
  WHERE state = 'running';
CREATE INDEX run_unfinished ON runs.run (dag, kind, interval_start)
  WHERE state IN ('queued', 'running');
CREATE INDEX run_by_time ON runs.run (interval_end DESC, run_id DESC);
CREATE INDEX run_by_backfill ON runs.run (backfill_id) WHERE backfill_id IS NOT NULL;
CREATE INDEX run_by_deadline ON runs.run (deadline_at) WHERE deadline_at IS NOT NULL;

COMMENT ON COLUMN runs.run.state IS
  'queued (waits for its turn), running (also while its worker is dead and not yet noticed), '
  'success, failed, cancelled';
COMMENT ON COLUMN runs.run.kind IS 'What asked for it: manual, scheduled, backfill, asset';
COMMENT ON COLUMN runs.run.due_at IS 'When its schedule fired; null unless scheduled';
COMMENT ON COLUMN runs.run.deadline_at IS
  'When its deadline passes; null without one and once it has fired';
COMMENT ON COLUMN runs.run.bound_worker_id IS
  'The only worker that may run its tasks (a foreground `strata run`); 0 for any daemon';
COMMENT ON COLUMN runs.run.backfill_id IS 'The backfill that asked for it; null if none did';
COMMENT ON COLUMN runs.run.unfinished IS 'Tasks that have not ended; mapped items not counted';
COMMENT ON COLUMN runs.run.active IS
  'Tasks and mapped items that are queued, running, retrying, deferred or held by the past; '
  'at 0 the run ends';
COMMENT ON COLUMN runs.run.failed IS
  'Tasks that ended failed or upstream_failed and are not tolerated';
COMMENT ON COLUMN runs.run.cancelled IS 'Tasks that ended cancelled';
COMMENT ON COLUMN runs.run.parallelism IS 'Attempts of this run at once, at most';
COMMENT ON COLUMN runs.run.is_cancelling IS 'Whether it has been told to stop';

-- Tasks -------------------------------------------------------------------------------------------

ALTER TABLE runs.task
  DROP CONSTRAINT task_state_check,
  ADD COLUMN available_at timestamptz,
  ADD COLUMN sensor_since timestamptz,
  ADD COLUMN worker_id bigint,
  ADD COLUMN bound_worker_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN map_index integer,
  ADD COLUMN priority integer NOT NULL DEFAULT 0,
  ADD COLUMN slots integer NOT NULL DEFAULT 1,
  ADD COLUMN up_succeeded integer NOT NULL DEFAULT 0,
  ADD COLUMN up_failed integer NOT NULL DEFAULT 0,
  ADD COLUMN up_upstream_failed integer NOT NULL DEFAULT 0,
  ADD COLUMN up_skipped integer NOT NULL DEFAULT 0,
  ADD COLUMN up_unfinished integer NOT NULL DEFAULT 0,
  ADD COLUMN setups_succeeded integer NOT NULL DEFAULT 0,
  ADD COLUMN items_total integer,
  ADD COLUMN items_succeeded integer,
  ADD COLUMN items_failed integer,
  ADD COLUMN items_skipped integer,
  ADD COLUMN items_cancelled integer,
  ADD COLUMN is_backfill boolean NOT NULL DEFAULT false,
  ADD COLUMN is_held boolean NOT NULL DEFAULT false,
  ADD COLUMN is_clearing boolean NOT NULL DEFAULT false,
  ADD COLUMN stop_requested boolean NOT NULL DEFAULT false,
  ADD COLUMN pool text,
  ADD COLUMN skips text,
  ADD COLUMN queue text NOT NULL DEFAULT 'default',
  ADD COLUMN input jsonb,
  ADD CONSTRAINT task_state_check CHECK (state IN (
    'waiting', 'queued', 'running', 'retrying', 'deferred', 'success', 'failed',
    'upstream_failed', 'skipped', 'cancelled'));
-- States change in place: room on the page keeps the new version beside the old one.
ALTER TABLE runs.task SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- The queue: what a worker of one binding may claim, best first.
CREATE INDEX task_claimable ON runs.task
  (bound_worker_id, is_backfill, priority DESC, available_at, run_id, position)
  WHERE state IN ('queued', 'retrying', 'deferred');
-- What is running, by worker: for recovery and for limits.
CREATE INDEX task_running ON runs.task (worker_id) WHERE state = 'running';
CREATE INDEX task_held ON runs.task (run_id) WHERE is_held;

COMMENT ON COLUMN runs.task.state IS
  'waiting, queued (claimable), running, retrying (claimable again later), deferred (a sensor '
  'until its next look), or final: success, failed, upstream_failed, skipped, cancelled';
COMMENT ON COLUMN runs.task.task_id IS 'Id within the DAG; item 3 of a mapped task is id[3]';
COMMENT ON COLUMN runs.task.available_at IS
  'When it may be claimed: queued, retrying and deferred tasks only';
COMMENT ON COLUMN runs.task.sensor_since IS
  'When a sensor first looked: its total budget counts from here; null for other tasks';
COMMENT ON COLUMN runs.task.worker_id IS 'The worker of its latest attempt; null before the first';
COMMENT ON COLUMN runs.task.bound_worker_id IS
  'As of its run: the only worker that may claim it, or 0';
COMMENT ON COLUMN runs.task.map_index IS 'Number of the mapped item, from 0; null for a task itself';
COMMENT ON COLUMN runs.task.priority IS 'Claimed first where higher; weighted by the DAG''s rule';
COMMENT ON COLUMN runs.task.slots IS 'Slots of its pool that an attempt takes';
COMMENT ON COLUMN runs.task.up_succeeded IS 'Upstream tasks that ended with success';
COMMENT ON COLUMN runs.task.up_failed IS 'Upstream tasks that failed or were cancelled';
COMMENT ON COLUMN runs.task.up_upstream_failed IS 'Upstream tasks that could not run';
COMMENT ON COLUMN runs.task.up_skipped IS 'Upstream tasks that were skipped';
COMMENT ON COLUMN runs.task.up_unfinished IS
  'Upstream tasks that have not ended: decremented as they do, never counted anew';
COMMENT ON COLUMN runs.task.setups_succeeded IS 'Of a teardown: how many of its setups succeeded';
COMMENT ON COLUMN runs.task.items_total IS 'Of a mapped task after its expansion: its items';
COMMENT ON COLUMN runs.task.items_succeeded IS 'Items that ended with success';
COMMENT ON COLUMN runs.task.items_failed IS 'Items that failed';
COMMENT ON COLUMN runs.task.items_skipped IS 'Items that were skipped';
COMMENT ON COLUMN runs.task.items_cancelled IS 'Items that were cancelled';
COMMENT ON COLUMN runs.task.is_backfill IS
  'Whether its run belongs to a backfill: claimed by turns with the other runs'' tasks';
COMMENT ON COLUMN runs.task.is_held IS 'Ready, but held until the run before has done its part';
COMMENT ON COLUMN runs.task.is_clearing IS 'Being stopped by a clear: waits again once it has ended';
COMMENT ON COLUMN runs.task.stop_requested IS 'Whether its running attempt has been told to stop';
COMMENT ON COLUMN runs.task.pool IS 'The pool whose slots it takes; null for none';
COMMENT ON COLUMN runs.task.skips IS
  'Of a branch that ended: positions of the tasks it ruled out, with commas; null for none';
COMMENT ON COLUMN runs.task.queue IS 'The queue that its workers serve';
COMMENT ON COLUMN runs.task.input IS
  'Of a mapped item: what it stands for, by the task that produced it, a JSON object';

ALTER TABLE runs.attempt
  DROP CONSTRAINT attempt_state_check,
  ADD COLUMN worker_id bigint,
  ADD CONSTRAINT attempt_state_check CHECK (state IN (
    'running', 'success', 'failed', 'skipped', 'cancelled', 'deferred'));
COMMENT ON COLUMN runs.attempt.state IS
  'running, success, failed, skipped, cancelled, deferred (a sensor that will look again)';
COMMENT ON COLUMN runs.attempt.worker_id IS 'The worker that ran it';

ALTER TABLE runs.event DROP CONSTRAINT event_kind_check;
COMMENT ON COLUMN runs.event.kind IS
  'What happened: created, resumed, retried, in_flight, cancel_requested, finished, cleared, '
  'marked, deadline, adopted, lost, queued, started, paused, unpaused, callback_failed';

-- Workers -----------------------------------------------------------------------------------------

CREATE TABLE runs.worker (
  worker_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  lease_until timestamptz NOT NULL,
  stopped_at timestamptz,
  process_id integer NOT NULL,
  slots integer NOT NULL,
  role text NOT NULL CHECK (role IN ('run', 'scheduler', 'worker')),
  state text NOT NULL CHECK (state IN ('live', 'draining', 'gone', 'lost')),
  host text NOT NULL,
  host_identity text NOT NULL,
  process_started text NOT NULL,
  version text NOT NULL
);
CREATE INDEX worker_alive ON runs.worker (lease_until) WHERE state IN ('live', 'draining');
COMMENT ON TABLE runs.worker IS
  'Every process that runs tasks; its lease is renewed by heartbeats, and once it is over another '
  'process takes its tasks over';
COMMENT ON COLUMN runs.worker.worker_id IS 'Number of the worker, rising';
COMMENT ON COLUMN runs.worker.started_at IS 'When it began, by the server''s clock';
COMMENT ON COLUMN runs.worker.heartbeat_at IS 'Its last heartbeat, by the server''s clock';
COMMENT ON COLUMN runs.worker.lease_until IS 'Until when its attempts are its own';
COMMENT ON COLUMN runs.worker.stopped_at IS 'When it left or was given up; null while it lives';
COMMENT ON COLUMN runs.worker.process_id IS 'Its process on its host';
COMMENT ON COLUMN runs.worker.slots IS 'Attempts that it runs at once';
COMMENT ON COLUMN runs.worker.role IS 'run (a foreground command), scheduler, worker';
COMMENT ON COLUMN runs.worker.state IS
  'live, draining (takes nothing new), gone (left in order), lost (its lease ran out)';
COMMENT ON COLUMN runs.worker.host IS 'Name of its host';
COMMENT ON COLUMN runs.worker.host_identity IS
  'The boot and process namespace: within one, a process id says whether it lives';
COMMENT ON COLUMN runs.worker.process_started IS
  'When the kernel started the process, to tell a process id that was used again; empty if unknown';
COMMENT ON COLUMN runs.worker.version IS 'Release of the binary';

-- Pools -------------------------------------------------------------------------------------------

CREATE TABLE runs.pool (
  pool text PRIMARY KEY,
  slots integer NOT NULL CHECK (slots >= 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  note text
);
COMMENT ON TABLE runs.pool IS 'Slots that attempts share over all runs and hosts';
COMMENT ON COLUMN runs.pool.pool IS 'Name, as tasks give it';
COMMENT ON COLUMN runs.pool.slots IS 'Slots in all; 0 holds its tasks back';
COMMENT ON COLUMN runs.pool.updated_at IS 'When it was last changed';
COMMENT ON COLUMN runs.pool.note IS 'What it protects; null if nobody said';

-- Schedules ---------------------------------------------------------------------------------------

CREATE TABLE runs.dag (
  dag text PRIMARY KEY,
  first_seen_at timestamptz NOT NULL,
  active_since timestamptz,
  paused_at timestamptz,
  last_interval_start timestamptz,
  last_interval_end timestamptz,
  snapshot_hash text REFERENCES runs.dag_snapshot (hash)
);
COMMENT ON TABLE runs.dag IS 'What the schedulers remember of each DAG';
COMMENT ON COLUMN runs.dag.dag IS 'Name of the DAG';
COMMENT ON COLUMN runs.dag.first_seen_at IS 'When a scheduler first saw it';
COMMENT ON COLUMN runs.dag.active_since IS
  'When its schedule was last resumed; null if it never was: then it is active since first seen';
COMMENT ON COLUMN runs.dag.paused_at IS 'Since when its schedule is paused; null if it is not';
COMMENT ON COLUMN runs.dag.last_interval_start IS
  'Start of the latest interval that its schedule made a run for; null before the first';
COMMENT ON COLUMN runs.dag.last_interval_end IS 'End of that interval';
COMMENT ON COLUMN runs.dag.snapshot_hash IS
  'The definition that new runs begin with; null before one was scheduled';

CREATE TABLE runs.asset (
  dag text NOT NULL,
  asset text NOT NULL,
  seen_watermark timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (dag, asset)
);
COMMENT ON TABLE runs.asset IS 'How far each DAG that waits for data has followed it';
COMMENT ON COLUMN runs.asset.dag IS 'The DAG';
COMMENT ON COLUMN runs.asset.asset IS 'What it waits for, for example source:orders';
COMMENT ON COLUMN runs.asset.seen_watermark IS 'The watermark that its latest run was made for';
COMMENT ON COLUMN runs.asset.seen_at IS 'When that was';

-- Backfills ---------------------------------------------------------------------------------------

CREATE TABLE runs.backfill (
  backfill_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  max_active integer NOT NULL CHECK (max_active >= 1),
  is_reverse boolean NOT NULL,
  dag text NOT NULL,
  reprocess text NOT NULL CHECK (reprocess IN ('none', 'failed', 'completed')),
  state text NOT NULL CHECK (state IN ('running', 'paused', 'cancelling', 'finished', 'cancelled')),
  snapshot_hash text NOT NULL REFERENCES runs.dag_snapshot (hash),
  options jsonb NOT NULL,
  params jsonb NOT NULL
);
COMMENT ON TABLE runs.backfill IS 'Requests to run a DAG over many intervals';
COMMENT ON COLUMN runs.backfill.backfill_id IS 'Number of the backfill, rising';
COMMENT ON COLUMN runs.backfill.created_at IS 'When it was asked for';
COMMENT ON COLUMN runs.backfill.finished_at IS 'When its last interval ended; null before';
COMMENT ON COLUMN runs.backfill.max_active IS 'Its runs at once, at most';
COMMENT ON COLUMN runs.backfill.is_reverse IS 'Whether the latest interval goes first';
COMMENT ON COLUMN runs.backfill.dag IS 'The DAG';
COMMENT ON COLUMN runs.backfill.reprocess IS
  'Which intervals that were run before are run again: none, failed, completed (all)';
COMMENT ON COLUMN runs.backfill.state IS 'running, paused, cancelling, finished, cancelled';
COMMENT ON COLUMN runs.backfill.snapshot_hash IS 'The definition that its runs begin with';
COMMENT ON COLUMN runs.backfill.options IS 'Further options, for example known_at: a JSON object';
COMMENT ON COLUMN runs.backfill.params IS 'Parameters of its runs: a JSON object';

CREATE TABLE runs.backfill_interval (
  backfill_id bigint NOT NULL REFERENCES runs.backfill (backfill_id),
  place integer NOT NULL,
  interval_start timestamptz NOT NULL,
  interval_end timestamptz NOT NULL,
  run_id bigint,
  action text NOT NULL CHECK (action IN ('run', 'rerun', 'skip', 'wait')),
  outcome text NOT NULL CHECK (outcome IN (
    'pending', 'started', 'in_flight', 'skipped', 'success', 'failed', 'cancelled')),
  reason text,
  PRIMARY KEY (backfill_id, place)
);
-- What a feeder still has to see to, in order.
CREATE INDEX backfill_interval_open ON runs.backfill_interval (backfill_id, place)
  WHERE outcome IN ('pending', 'started', 'in_flight');
COMMENT ON TABLE runs.backfill_interval IS 'Each interval of a backfill and what became of it';
COMMENT ON COLUMN runs.backfill_interval.backfill_id IS 'The backfill';
COMMENT ON COLUMN runs.backfill_interval.place IS 'Order in which it is taken, from 0';
COMMENT ON COLUMN runs.backfill_interval.interval_start IS 'First instant of the interval';
COMMENT ON COLUMN runs.backfill_interval.interval_end IS 'First instant after it';
COMMENT ON COLUMN runs.backfill_interval.run_id IS 'Its run; null before it began';
COMMENT ON COLUMN runs.backfill_interval.action IS
  'As the dry run says: run, rerun, skip, wait (until the run that holds it has ended)';
COMMENT ON COLUMN runs.backfill_interval.outcome IS
  'pending, started, in_flight (somebody else runs it), skipped, success, failed, cancelled';
COMMENT ON COLUMN runs.backfill_interval.reason IS 'Why it is skipped, in flight, or did not end well; null otherwise';

-- Callbacks ---------------------------------------------------------------------------------------

-- Written in the transaction of what they tell of, told after it; deleted once told.
CREATE TABLE runs.callback (
  callback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  run_id bigint NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  task_id text,
  event text NOT NULL,
  target jsonb NOT NULL,
  payload jsonb NOT NULL,
  message text
);
CREATE INDEX callback_due ON runs.callback (due_at);
COMMENT ON TABLE runs.callback IS 'Commands and webhooks that have yet to be called';
COMMENT ON COLUMN runs.callback.callback_id IS 'Number of the call, rising: its idempotency key';
COMMENT ON COLUMN runs.callback.created_at IS 'When the event happened';
COMMENT ON COLUMN runs.callback.due_at IS 'When to call, or to call again';
COMMENT ON COLUMN runs.callback.run_id IS 'The run it tells of';
COMMENT ON COLUMN runs.callback.tries IS 'Calls made so far';
COMMENT ON COLUMN runs.callback.task_id IS 'The task it tells of; null for the run itself';
COMMENT ON COLUMN runs.callback.event IS 'failure, success, retry, deadline, skipped';
COMMENT ON COLUMN runs.callback.target IS 'The command or address';
COMMENT ON COLUMN runs.callback.payload IS 'What it is told';
COMMENT ON COLUMN runs.callback.message IS 'Why the last call failed; null before';

-- Lineage -----------------------------------------------------------------------------------------

-- Written in the transaction of what they tell of, where lineage is on; deleted once told.
CREATE TABLE runs.lineage (
  lineage_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  happened_at timestamptz NOT NULL,
  run_id bigint NOT NULL,
  fencing_token bigint,
  pass integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('START', 'COMPLETE', 'FAIL', 'ABORT')),
  task_id text,
  message text
);
COMMENT ON TABLE runs.lineage IS 'Lineage events (OpenLineage) that have yet to be told';
COMMENT ON COLUMN runs.lineage.lineage_id IS 'Order of the events';
COMMENT ON COLUMN runs.lineage.happened_at IS 'When it happened';
COMMENT ON COLUMN runs.lineage.run_id IS 'The run it tells of';
COMMENT ON COLUMN runs.lineage.fencing_token IS 'Token of the attempt; null for the run itself';
COMMENT ON COLUMN runs.lineage.pass IS 'Which pass of the run';
COMMENT ON COLUMN runs.lineage.kind IS 'START, COMPLETE, FAIL, ABORT';
COMMENT ON COLUMN runs.lineage.task_id IS 'The task or item; null for the run itself';
COMMENT ON COLUMN runs.lineage.message IS 'Why it failed; null unless it did';
