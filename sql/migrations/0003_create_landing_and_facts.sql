-- Landing: sources, loads, keys of events, identities, rejected rows.
-- Facts: customers and events. Events are partitioned by the UTC month of their time; loaders call
-- facts.ensure_months before they insert.

CREATE TABLE landing.source (
  source_id  smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  watermark  timestamptz,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE landing.source IS 'One row per source of the catalogue that has been loaded';
COMMENT ON COLUMN landing.source.watermark IS
  'Latest time that a committed load has seen: of the watermark column, else of its events';

CREATE TABLE landing.load (
  load_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rows_read         bigint NOT NULL DEFAULT 0,
  rows_accepted     bigint NOT NULL DEFAULT 0,
  rows_rejected     bigint NOT NULL DEFAULT 0,
  rows_duplicate    bigint NOT NULL DEFAULT 0,
  rows_warned       bigint NOT NULL DEFAULT 0,
  bytes             bigint,
  started_at        timestamptz NOT NULL,
  finished_at       timestamptz,
  first_occurred_at timestamptz,
  last_occurred_at  timestamptz,
  source_id         smallint NOT NULL REFERENCES landing.source,
  state             text NOT NULL CHECK (state IN ('loaded', 'failed')),
  file              text,
  digest            text,
  definition        text NOT NULL,
  rejected_by       jsonb NOT NULL DEFAULT '{}',
  warned_by         jsonb NOT NULL DEFAULT '{}',
  totals            jsonb NOT NULL DEFAULT '{}',
  error             jsonb
);
CREATE INDEX load_by_digest ON landing.load (source_id, digest) WHERE state = 'loaded';
COMMENT ON TABLE landing.load IS 'The ledger of loads: one row per load that was tried';
COMMENT ON COLUMN landing.load.bytes IS 'Size of the file as it stood on disk; NULL for queries';
COMMENT ON COLUMN landing.load.digest IS 'SHA-256 of the file, hexadecimal; NULL for queries';
COMMENT ON COLUMN landing.load.definition IS
  'SHA-256 of the source''s definition without its file, hexadecimal';
COMMENT ON COLUMN landing.load.rejected_by IS 'Rejected rows by reason';
COMMENT ON COLUMN landing.load.warned_by IS 'Warnings on accepted rows by check';
COMMENT ON COLUMN landing.load.totals IS
  'Control totals by name: exact decimals as text for accepted, rejected, duplicate and all rows';
COMMENT ON COLUMN landing.load.error IS 'Code, message and samples of a failed load, else NULL';

-- A partitioned or distributed table cannot hold this key. load_id and line tell which row of which
-- load came first.
CREATE TABLE landing.event_key (
  content   bigint NOT NULL,
  load_id   bigint NOT NULL,
  line      bigint NOT NULL,
  source_id smallint NOT NULL,
  event_id  text COLLATE "C" NOT NULL,
  PRIMARY KEY (source_id, event_id)
);
COMMENT ON TABLE landing.event_key IS 'Every event accepted so far, once per source and event id';
COMMENT ON COLUMN landing.event_key.content IS '64-bit hash of what the row was mapped to';

CREATE SEQUENCE landing.customer_id AS bigint;
CREATE TABLE landing.identity (
  customer_id  bigint NOT NULL DEFAULT nextval('landing.customer_id'),
  customer_key text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE landing.identity IS 'The company''s customer keys and our customer ids';

CREATE TABLE landing.rejected (
  load_id     bigint NOT NULL,
  line        bigint NOT NULL,
  reason      text NOT NULL,
  column_name text,
  raw         text NOT NULL
);
CREATE INDEX rejected_by_load ON landing.rejected USING brin (load_id);
COMMENT ON TABLE landing.rejected IS 'Rows that were not accepted, as they stood in the file';
COMMENT ON COLUMN landing.rejected.line IS
  'Line of the file on which the row begins, from 1; for queries the row number, header included';
COMMENT ON COLUMN landing.rejected.reason IS 'The failed check''s name, or the loader''s own reason';

CREATE TABLE facts.event_kind (
  kind_id smallint PRIMARY KEY,
  name    text NOT NULL UNIQUE
);
COMMENT ON TABLE facts.event_kind IS 'The typed catalogue of event kinds';
INSERT INTO facts.event_kind (kind_id, name) VALUES
  (1, 'purchase'), (2, 'refund'), (3, 'cart_add'), (4, 'cart_abandon'), (5, 'checkout_start'),
  (6, 'product_view'), (7, 'page_view'), (8, 'session'), (9, 'click'), (10, 'search'),
  (11, 'email_sent'), (12, 'email_open'), (13, 'email_click'), (14, 'sign_up'),
  (15, 'newsletter'), (16, 'feature_usage'), (17, 'profile_update'), (18, 'support_contact'),
  (19, 'content_view'), (20, 'login'), (21, 'campaign_exposure');

CREATE TABLE facts.customers (
  customer_id   bigint PRIMARY KEY,
  first_seen_at timestamptz,
  customer_key  text COLLATE "C" NOT NULL,
  profile       jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE facts.customers IS 'One row per customer';
COMMENT ON COLUMN facts.customers.first_seen_at IS
  'Earliest time known of the customer: of an event or of a customer source; NULL where none is';
COMMENT ON COLUMN facts.customers.customer_key IS 'The company''s own key';

CREATE TABLE facts.events (
  customer_id bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  ingested_at timestamptz NOT NULL,
  load_id     bigint NOT NULL,
  kind_id     smallint NOT NULL,
  source_id   smallint NOT NULL,
  item        text,
  quantity    bigint,
  amount      numeric(18, 4),
  currency    text,
  properties  jsonb,
  event_id    text NOT NULL
) PARTITION BY RANGE (occurred_at);
CREATE INDEX events_by_time ON facts.events USING brin (occurred_at);
CREATE INDEX events_by_load ON facts.events USING brin (load_id);
COMMENT ON TABLE facts.events IS 'Every accepted event once; one partition per UTC month';
COMMENT ON COLUMN facts.events.quantity IS 'Not negative; NULL where the source has none';
COMMENT ON COLUMN facts.events.amount IS
  'Not negative, in currency; a refund''s amount is what was given back';

-- Makes the partitions that the given months lack. A table is filled in beside the parent and then
-- attached: that asks for a lock on the parent that readers and writers do not meet.
CREATE FUNCTION facts.ensure_months(months date[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  month date;
  partition text;
  made integer := 0;
BEGIN
  FOR month IN
    SELECT DISTINCT date_trunc('month', m)::date FROM unnest(months) AS m ORDER BY 1
  LOOP
    partition := 'events_' || to_char(month, 'YYYY_MM');
    CONTINUE WHEN to_regclass('facts.' || partition) IS NOT NULL;
    -- Two loaders may want the same month. After the wait to_regclass might still answer from this
    -- session's cache; a query has a snapshot of its own.
    PERFORM pg_advisory_xact_lock(hashtextextended('facts.ensure_months', 0));
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_class
      WHERE relnamespace = 'facts'::regnamespace AND relname = partition);
    EXECUTE format('CREATE TABLE facts.%I (LIKE facts.events INCLUDING DEFAULTS)', partition);
    EXECUTE format(
      'ALTER TABLE facts.events ATTACH PARTITION facts.%I FOR VALUES FROM (%L) TO (%L)',
      partition,
      to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
      to_char((month + interval '1 month')::date, 'YYYY-MM-DD') || ' 00:00:00+00');
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION facts.ensure_months IS
  'Makes the monthly partitions of facts.events that are missing; returns how many';

-- The tables through which a load's rows pass, private to the session. Every row lands in
-- strata_staged, good and bad; t1 to t8 are its control totals at their own scales. They outlive a
-- transaction, so that the rows are read once even where the load's transaction runs again.
CREATE FUNCTION landing.begin_staging() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM landing.end_staging();
  CREATE TEMP TABLE strata_staged (
    line          bigint NOT NULL,
    warned        bigint,
    content       bigint,
    t1 bigint, t2 bigint, t3 bigint, t4 bigint, t5 bigint, t6 bigint, t7 bigint, t8 bigint,
    reason        text,
    column_name   text,
    raw           text NOT NULL,
    event_id      text COLLATE "C",
    customer_key  text COLLATE "C",
    occurred_at   timestamptz,
    kind_id       smallint,
    item          text,
    quantity      bigint,
    amount        numeric(18, 4),
    currency      text,
    properties    jsonb
  );
  CREATE TEMP TABLE strata_arrived (
    customer_key  text COLLATE "C" NOT NULL,
    first_seen_at timestamptz
  );
END
$$;
COMMENT ON FUNCTION landing.begin_staging IS 'Makes the session''s staging tables, empty';

CREATE FUNCTION landing.end_staging() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass('pg_temp.strata_staged') IS NOT NULL THEN
    DROP TABLE pg_temp.strata_staged;
  END IF;
  IF to_regclass('pg_temp.strata_arrived') IS NOT NULL THEN
    DROP TABLE pg_temp.strata_arrived;
  END IF;
END
$$;
COMMENT ON FUNCTION landing.end_staging IS 'Drops the session''s staging tables, if there are any';
