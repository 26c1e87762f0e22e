-- The project that this database belongs to, and the reports of its runs.

CREATE TABLE strata.project (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  name text NOT NULL,
  zone text NOT NULL,
  currency text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE strata.project IS
  'One row: the project of this database. Day tiles depend on its zone, so it never changes.';

CREATE TABLE reports.run_report (
  run_id bigint PRIMARY KEY,
  dag text NOT NULL,
  as_of timestamptz NOT NULL,
  state text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  report jsonb NOT NULL
);
COMMENT ON TABLE reports.run_report IS
  'One row per run: everything that the run knows about itself, as strata report show prints it.';
COMMENT ON COLUMN reports.run_report.run_id IS 'The run, as in runs.run.';
COMMENT ON COLUMN reports.run_report.as_of IS 'The end of the run''s data interval.';
COMMENT ON COLUMN reports.run_report.state IS 'How the run stood when the report was written.';
COMMENT ON COLUMN reports.run_report.report IS 'The report as JSON with stable keys.';
CREATE INDEX run_report_by_as_of ON reports.run_report (dag, as_of DESC);
