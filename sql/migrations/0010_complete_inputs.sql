-- Inputs made whole: recorded corrections and merges, what they touched, the history of profiles,
-- orders that refunds name, currencies, quarantined kinds, replays, and other databases as sources.

ALTER TABLE landing.source
  ADD COLUMN transaction_cut bigint,
  ADD COLUMN shape jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN landing.source.transaction_cut IS
  'Of a source that goes by transactions: the oldest one that was still open in the other '
  'database when its rows were last read (xid8); the next load reads it and all later ones';
COMMENT ON COLUMN landing.source.shape IS
  'What each column was at the last load: its type in the other database, or offset | naive for '
  'the timestamps of files; a change of it stops a load';

ALTER TABLE landing.load
  ADD COLUMN rows_corrected bigint NOT NULL DEFAULT 0,
  ADD COLUMN replays bigint,
  ADD COLUMN header text;
COMMENT ON COLUMN landing.load.rows_corrected IS
  'Accepted rows that replaced an earlier version of their event';
COMMENT ON COLUMN landing.load.replays IS
  'The load whose rejected rows this one read again; NULL for other loads';
COMMENT ON COLUMN landing.load.header IS
  'The header of the CSV rows, as rejected rows need it to be read again; NULL without one';

ALTER TABLE landing.rejected ADD COLUMN replayed_by bigint;
COMMENT ON COLUMN landing.rejected.replayed_by IS
  'The load that accepted the row later, or found it to be known; NULL while it is rejected';

CREATE TABLE landing.unknown_kind (
  rows          bigint NOT NULL,
  first_seen_at timestamptz NOT NULL,
  last_seen_at  timestamptz NOT NULL,
  source_id     smallint NOT NULL REFERENCES landing.source,
  kind          text COLLATE "C" NOT NULL,
  PRIMARY KEY (source_id, kind)
);
COMMENT ON TABLE landing.unknown_kind IS
  'Event kinds that the catalogue lacks, counted; their rows are in landing.rejected';
COMMENT ON COLUMN landing.unknown_kind.rows IS 'Rows of that kind so far';
COMMENT ON COLUMN landing.unknown_kind.first_seen_at IS 'The load that first met it';
COMMENT ON COLUMN landing.unknown_kind.last_seen_at IS 'The load that last met it';

-- Kinds of a project's own have numbers from 1000; those before are Strata's.
COMMENT ON COLUMN facts.event_kind.kind_id IS
  'Below 1000: kinds of Strata; from 1000: kinds that the project''s sources.yaml adds';

CREATE TABLE landing.order_key (
  load_id   bigint NOT NULL,
  order_key text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE landing.order_key IS 'The orders that purchases named, which refunds may refer to';
COMMENT ON COLUMN landing.order_key.load_id IS 'The load that first named it';

CREATE TABLE facts.amount_currency (
  load_id  bigint NOT NULL,
  kind_id  smallint NOT NULL,
  currency text NOT NULL,
  PRIMARY KEY (kind_id, currency)
);
COMMENT ON TABLE facts.amount_currency IS
  'The currencies in which amounts of each kind came; a feature over more than one is an error';
COMMENT ON COLUMN facts.amount_currency.load_id IS 'The load that first brought it';

-- Merges ---------------------------------------------------------------------------------------

CREATE INDEX identity_by_customer ON landing.identity (customer_id);

CREATE TABLE landing.merge (
  merge_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merged_at     timestamptz NOT NULL,
  recorded_at   timestamptz NOT NULL,
  load_id       bigint NOT NULL,
  from_id       bigint,
  to_id         bigint NOT NULL,
  first_seen_at timestamptz,
  from_key      text COLLATE "C" NOT NULL UNIQUE,
  to_key        text COLLATE "C" NOT NULL,
  profile       jsonb
);
COMMENT ON TABLE landing.merge IS
  'Customers who turned out to be another one: everything of from is to''s since recorded_at';
COMMENT ON COLUMN landing.merge.merged_at IS 'When the company found out';
COMMENT ON COLUMN landing.merge.recorded_at IS 'When the merge was loaded';
COMMENT ON COLUMN landing.merge.from_id IS 'The customer that ceased to be; NULL where it had none';
COMMENT ON COLUMN landing.merge.to_id IS 'The customer that stayed, at that time';
COMMENT ON COLUMN landing.merge.first_seen_at IS 'Of the customer that ceased to be';
COMMENT ON COLUMN landing.merge.profile IS 'Of the customer that ceased to be';

-- Versions of events -----------------------------------------------------------------------------

ALTER TABLE facts.events ADD COLUMN order_key text;
COMMENT ON COLUMN facts.events.order_key IS
  'The order that a purchase is of, or that a refund gives back; NULL where the source has none';
COMMENT ON TABLE facts.events IS
  'Every accepted event once, as it is believed now; one partition per UTC month. Versions that '
  'a correction or a merge replaced are in facts.event_version';
COMMENT ON COLUMN facts.events.ingested_at IS
  'When this version was recorded: at its load, or when a correction or a merge replaced another';

CREATE TABLE facts.event_version (
  customer_id   bigint NOT NULL,
  occurred_at   timestamptz NOT NULL,
  recorded_from timestamptz NOT NULL,
  recorded_to   timestamptz NOT NULL,
  load_id       bigint NOT NULL,
  kind_id       smallint NOT NULL,
  source_id     smallint NOT NULL,
  cause         text NOT NULL CHECK (cause IN ('correction', 'merge')),
  item          text,
  quantity      bigint,
  amount        numeric(18, 4),
  currency      text,
  properties    jsonb,
  event_id      text NOT NULL,
  order_key     text
);
CREATE INDEX event_version_by_time ON facts.event_version USING brin (occurred_at);
COMMENT ON TABLE facts.event_version IS 'Versions of events that are no longer believed';
COMMENT ON COLUMN facts.event_version.recorded_from IS 'When the version was recorded';
COMMENT ON COLUMN facts.event_version.recorded_to IS 'When it was replaced';
COMMENT ON COLUMN facts.event_version.cause IS
  'correction: delivered again with other content; merge: the customer turned out to be another';

CREATE VIEW facts.event_record AS
SELECT customer_id, occurred_at, ingested_at AS recorded_from,
  'infinity'::timestamptz AS recorded_to, load_id, kind_id, source_id, item, quantity, amount,
  currency, properties, event_id, order_key
FROM facts.events
UNION ALL
SELECT customer_id, occurred_at, recorded_from, recorded_to, load_id, kind_id, source_id, item,
  quantity, amount, currency, properties, event_id, order_key
FROM facts.event_version;
COMMENT ON VIEW facts.event_record IS
  'Every version of every event; what was known at T: recorded_from <= T AND T < recorded_to';

-- Whatever takes an event away, or changes one, writes here in the same transaction. The day tiles
-- that lie in the span must be made anew from facts.events; adding up loads is not enough.
CREATE TABLE facts.touched (
  touched_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL,
  load_id     bigint NOT NULL,
  first_at    timestamptz NOT NULL,
  last_at     timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  cause       text NOT NULL CHECK (cause IN ('correction', 'merge'))
);
CREATE INDEX touched_by_load ON facts.touched (load_id);
COMMENT ON TABLE facts.touched IS
  'Customers whose past events were changed or taken away, with the span of those events: what '
  'was derived of them before recorded_at is to be derived again';
COMMENT ON COLUMN facts.touched.load_id IS 'The load that brought the correction or the merge';
COMMENT ON COLUMN facts.touched.first_at IS 'The earliest event concerned';
COMMENT ON COLUMN facts.touched.last_at IS 'The latest event concerned, itself inside';

-- Profiles -------------------------------------------------------------------------------------

CREATE TABLE facts.profile_statement (
  customer_id bigint NOT NULL,
  valid_from  timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  load_id     bigint NOT NULL,
  line        bigint NOT NULL,
  source_id   smallint NOT NULL,
  weight      smallint NOT NULL DEFAULT 0,
  attributes  jsonb NOT NULL
);
CREATE INDEX profile_statement_by_customer ON facts.profile_statement (customer_id);
COMMENT ON TABLE facts.profile_statement IS
  'What sources said of customers: attributes that are given hold from valid_from on, until '
  'another statement gives them';
COMMENT ON COLUMN facts.profile_statement.valid_from IS
  '-infinity where the source gives no time and nothing was said of the customer before';
COMMENT ON COLUMN facts.profile_statement.weight IS
  '0; -1 for statements about a customer that was merged into this one: they yield at equal times';

CREATE TABLE facts.customer_profile (
  customer_id   bigint NOT NULL,
  valid_from    timestamptz NOT NULL,
  valid_to      timestamptz NOT NULL,
  recorded_from timestamptz NOT NULL,
  recorded_to   timestamptz NOT NULL DEFAULT 'infinity',
  attributes    jsonb NOT NULL,
  CHECK (valid_from < valid_to)
);
CREATE INDEX customer_profile_by_customer ON facts.customer_profile (customer_id);
COMMENT ON TABLE facts.customer_profile IS
  'Profiles over time, one row per customer and span (half-open) in which nothing changed; current '
  'belief has recorded_to = infinity. Derived from facts.profile_statement';
COMMENT ON COLUMN facts.customer_profile.attributes IS
  'Null for an attribute on which sources contradict each other for the same instant';

INSERT INTO facts.profile_statement
  (customer_id, valid_from, recorded_at, load_id, line, source_id, attributes)
SELECT customer_id, '-infinity', '-infinity', 0, 0, 0, profile
FROM facts.customers WHERE profile <> '{}';
INSERT INTO facts.customer_profile (customer_id, valid_from, valid_to, recorded_from, attributes)
SELECT customer_id, '-infinity', 'infinity', '-infinity', profile
FROM facts.customers WHERE profile <> '{}';

CREATE TABLE facts.profile_attribute (
  position   smallint NOT NULL,
  name       text PRIMARY KEY,
  definition jsonb NOT NULL
);
COMMENT ON TABLE facts.profile_attribute IS
  'Attributes of the project''s sources.yaml: what is plausible, what is derived, what stands in';
COMMENT ON COLUMN facts.profile_attribute.definition IS
  'Keys from, derive, bands, values, accepted, min, max, fallback';

CREATE AGGREGATE facts.jsonb_merge(jsonb) (
  SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}'
);
COMMENT ON AGGREGATE facts.jsonb_merge(jsonb) IS 'Objects put together; of equal keys the last';

CREATE FUNCTION facts.reconcile(statements jsonb[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(jsonb_object_agg(key, value), '{}')
  FROM (
    SELECT key,
      CASE WHEN count(DISTINCT value) = 1 THEN (array_agg(value))[1] ELSE 'null' END AS value
    FROM unnest(statements) AS s, jsonb_each(s)
    GROUP BY key
  ) AS keys
$$;
COMMENT ON FUNCTION facts.reconcile IS
  'What several sources say of one instant; null where they contradict each other';

-- Staging --------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION landing.begin_staging() RETURNS void
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
    properties    jsonb,
    order_key     text COLLATE "C",
    profile       jsonb,
    valid_from    timestamptz
  );
  CREATE TEMP TABLE strata_arrived (
    customer_key  text COLLATE "C" NOT NULL,
    first_seen_at timestamptz
  );
  -- Events whose content changed, with the load of the version that they replace.
  CREATE TEMP TABLE strata_corrected (
    content       bigint NOT NULL,
    line          bigint NOT NULL,
    old_load      bigint NOT NULL,
    event_id      text COLLATE "C" PRIMARY KEY
  );
  -- Customers whose profile is to be put together anew.
  CREATE TEMP TABLE strata_described (customer_id bigint PRIMARY KEY);
  -- Customers that become another one.
  CREATE TEMP TABLE strata_moved (
    from_id       bigint PRIMARY KEY,
    to_id         bigint NOT NULL
  );
END
$$;

CREATE OR REPLACE FUNCTION landing.end_staging() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['strata_staged', 'strata_arrived', 'strata_corrected',
    'strata_described', 'strata_moved']
  LOOP
    IF to_regclass('pg_temp.' || name) IS NOT NULL THEN
      EXECUTE format('DROP TABLE pg_temp.%I', name);
    END IF;
  END LOOP;
END
$$;
