-- The rows of the commit floor: one per client; and a run of fifty tasks with their attempts, as few
-- columns as a task's life needs.
CREATE TABLE floor (id integer PRIMARY KEY, value bigint NOT NULL);
INSERT INTO floor SELECT n, 0 FROM generate_series(0, 63) AS n;

CREATE TABLE run (run_id bigint PRIMARY KEY, unfinished integer, state text);
CREATE TABLE task (
  run_id bigint, task_id text, state text, token bigint, started_at timestamptz,
  finished_at timestamptz, output jsonb, tries integer, PRIMARY KEY (run_id, task_id));
CREATE TABLE attempt (
  created_at timestamptz, run_id bigint, task_id text, token bigint, state text,
  finished_at timestamptz);
CREATE INDEX attempt_by_task ON attempt (run_id, task_id);
CREATE SEQUENCE token;
INSERT INTO run VALUES (1, 50, 'running');
INSERT INTO task SELECT 1, 't' || n, 'waiting', 0, NULL, NULL, NULL, 0 FROM generate_series(0, 49) AS n;
INSERT INTO attempt SELECT now(), 1, 't' || n, 0, 'running', NULL FROM generate_series(0, 49) AS n;
VACUUM ANALYZE;
