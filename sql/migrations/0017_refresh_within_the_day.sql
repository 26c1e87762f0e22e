-- Publications between the nights: what came since the last step is found by small indexes, a
-- publication of few customers is kept as changes of a whole evaluation, and segments keep the size
-- of their last change.

-- What is not folded yet ----------------------------------------------------------------------------

-- Beside features.folded_load, which grows by a row per load: the few loads that a step has to see to
-- are found without looking at all others.
ALTER TABLE landing.load ADD COLUMN is_folded boolean NOT NULL DEFAULT false;
UPDATE landing.load SET is_folded = true
WHERE load_id IN (SELECT f.load_id FROM features.folded_load AS f);
CREATE INDEX load_unfolded ON landing.load (load_id) WHERE state = 'loaded' AND NOT is_folded;
COMMENT ON COLUMN landing.load.is_folded IS
  'Whether features.folded_load has it: its events are in the day tiles';
CREATE INDEX folded_load_by_version ON features.folded_load (version);

-- Whom a load concerns beside those who have events in it, and whom time alone: statements and
-- customers with a time that was still to come when they were loaded.
CREATE INDEX profile_statement_by_load ON facts.profile_statement USING brin (load_id);
CREATE INDEX customer_profile_by_beginning ON facts.customer_profile (valid_from)
  WHERE recorded_to = 'infinity';
CREATE INDEX customers_by_first_seen ON facts.customers (first_seen_at);
CREATE INDEX merge_by_load ON landing.merge (load_id);

-- Loads by others -----------------------------------------------------------------------------------

-- Strata's loader says so by itself. Whoever inserts events by SQL takes the number of a load for them,
-- in the same transaction: events without a load in the ledger are in no tile.
CREATE FUNCTION landing.new_load(
  source text, first_at timestamptz, last_at timestamptz, events bigint
) RETURNS bigint
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  made bigint;
BEGIN
  INSERT INTO landing.source (name, created_at) VALUES (new_load.source, clock_timestamp())
  ON CONFLICT (name) DO NOTHING;
  INSERT INTO landing.load (
    rows_read, rows_accepted, started_at, finished_at, first_occurred_at, last_occurred_at,
    source_id, state, definition)
  SELECT new_load.events, new_load.events, clock_timestamp(), clock_timestamp(), new_load.first_at,
    new_load.last_at, s.source_id, 'loaded', ''
  FROM landing.source AS s WHERE s.name = new_load.source
  RETURNING load_id INTO made;
  -- The channel of Inputs.LoadChannel.
  PERFORM pg_notify('strata_loaded', new_load.source || ' ' || made);
  RETURN made;
END
$$;
COMMENT ON FUNCTION landing.new_load IS
  'The number of a new load for events that the caller inserts into facts.events in the same '
  'transaction; its times are those of the first and the last of them. Wakes strata watch';

CREATE FUNCTION landing.tell_loaded() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('strata_loaded', coalesce(TG_ARGV[0], TG_TABLE_NAME));
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION landing.tell_loaded IS
  'A hint for strata watch, where rows come from others than Strata''s loader and landing.new_load: '
  'CREATE TRIGGER told AFTER INSERT ON facts.events FOR EACH STATEMENT EXECUTE FUNCTION '
  'landing.tell_loaded(). Not for distributed tables: Citus refuses triggers on them';

-- Publications of few customers ---------------------------------------------------------------------

CREATE TABLE segments.evaluation_change (
  publication_id integer PRIMARY KEY REFERENCES segments.publication_record,
  evaluation_id bigint NOT NULL REFERENCES segments.evaluation ON DELETE CASCADE,
  bytes bytea NOT NULL
);
CREATE INDEX evaluation_change_by_evaluation
  ON segments.evaluation_change (evaluation_id, publication_id);
ALTER TABLE segments.evaluation_change ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE segments.evaluation_change IS
  'What publications between the nights changed: the memberships of one are those of its whole '
  'evaluation with all changes of that up to it.';
COMMENT ON COLUMN segments.evaluation_change.publication_id IS 'The publication.';
COMMENT ON COLUMN segments.evaluation_change.evaluation_id IS 'The whole evaluation that it changes.';
COMMENT ON COLUMN segments.evaluation_change.bytes IS
  'Per segment that changed: its ordinal, how many customers entered or left it, and the gaps '
  'between their numbers, as varints.';
COMMENT ON COLUMN segments.publication_record.evaluation_id IS
  'The evaluation published, with the changes of it up to this publication; null once it has been '
  'removed.';

-- Sizes ---------------------------------------------------------------------------------------------

-- Between the nights only the segments that somebody entered or left have a row.
DROP INDEX segments.segment_size_segment_id_idx;
CREATE INDEX segment_size_by_segment ON segments.segment_size (segment_id, as_of DESC);
COMMENT ON TABLE segments.segment_size IS
  'Size and movement of each segment at each as_of at which all were published, or at which it '
  'changed.';

CREATE OR REPLACE VIEW segments.catalog AS
SELECT s.name AS segment, s.title, s.description, s.priority, s.is_live,
  CASE WHEN s.is_live THEN z.members END AS members, l.as_of, v.rule, v.hash AS rule_version,
  f.as_of AS rule_since, 'audience.' || quote_ident(s.audience_view) AS audience_view
FROM segments.segment s
LEFT JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN segments.publication_record f ON f.publication_id = v.published_in
LEFT JOIN LATERAL (
  SELECT z.members FROM segments.segment_size z WHERE z.segment_id = s.segment_id
  ORDER BY z.as_of DESC LIMIT 1) z ON true
LEFT JOIN LATERAL (
  SELECT max(p.as_of) AS as_of FROM segments.publication_record p WHERE s.is_live) l ON true;
COMMENT ON VIEW segments.daily_size IS
  'Size and movement of each segment at each publication; at those between the nights of the '
  'segments that somebody entered or left.';
