-- The schemas of a project's database and the role that may read it.
-- Roles belong to the whole cluster, so another database may have made it already, or be making it.

CREATE SCHEMA IF NOT EXISTS strata;
CREATE SCHEMA runs;
CREATE SCHEMA landing;
CREATE SCHEMA facts;
CREATE SCHEMA features;
CREATE SCHEMA models;
CREATE SCHEMA segments;
CREATE SCHEMA audience;
CREATE SCHEMA reports;

COMMENT ON SCHEMA strata IS 'The ledger of migrations and facts about the project';
COMMENT ON SCHEMA runs IS 'Runs, tasks, attempts and their logs';
COMMENT ON SCHEMA landing IS 'Loads, rejected rows, watermarks, keys of events, identities';
COMMENT ON SCHEMA facts IS 'Customers, events and day tiles';
COMMENT ON SCHEMA features IS 'The feature catalogue, tile versions and states';
COMMENT ON SCHEMA models IS 'Trained models and their scores';
COMMENT ON SCHEMA segments IS 'Memberships, history, transitions and publications';
COMMENT ON SCHEMA audience IS 'Views of the published segments, for analysts';
COMMENT ON SCHEMA reports IS 'Run reports';

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'strata_reader') THEN
    CREATE ROLE strata_reader NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role strata_reader does not exist and this user may not create it'
      USING HINT = 'ask an administrator to run: CREATE ROLE strata_reader NOLOGIN';
END
$$;

GRANT USAGE ON SCHEMA audience, segments, features, facts, reports, runs TO strata_reader;
