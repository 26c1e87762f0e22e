-- Segments: what each customer belongs to, since when, and what was believed when.
--
-- A *spell* is an unbroken stay of one customer in one segment, half-open in time. A spell that
-- lasts stands in `open_spell`; when it ends, its row moves to `ended_spell`. So entering costs
-- one insert and leaving one delete and one insert, and memberships, history and transitions are
-- views that cannot disagree, because they read the same two tables.
--
-- Two times: `valid_*` is when the customer was in the segment (the as-of of evaluations),
-- `*_in` is the publication that recorded it. A correction never edits a record: it marks it
-- `superseded_in` and adds another.
--
-- `customer_id` is the distribution key of the big tables and part of each of their keys; the
-- small ones (segment, rule_version, publication_record, segment_size) are reference tables.

CREATE TYPE segments.cause AS ENUM (
  'event', 'time', 'rule', 'model', 'override', 'conflict', 'default', 'merge', 'late', 'erasure');
COMMENT ON TYPE segments.cause IS
  'Why a customer entered or left: new events; time alone (a window moved on); a new or changed '
  'rule; a changed score; a manual override; a conflict between segments; the default segment; a '
  'merge of two customers; a late event; an erasure.';

CREATE TABLE segments.evaluation (
  evaluation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  run_id bigint,
  customers bigint NOT NULL,
  segments jsonb NOT NULL,
  ids bytea NOT NULL
);
COMMENT ON TABLE segments.evaluation IS
  'Results of evaluating every rule at one instant, waiting to be published or kept because they '
  'were: one row per evaluation, its members in evaluation_set. Old ones are removed.';
COMMENT ON COLUMN segments.evaluation.evaluation_id IS 'Rises with each evaluation.';
COMMENT ON COLUMN segments.evaluation.as_of IS
  'The instant evaluated: events at or after it do not exist.';
COMMENT ON COLUMN segments.evaluation.created_at IS 'When it was stored.';
COMMENT ON COLUMN segments.evaluation.run_id IS 'The run that made it; null outside a run.';
COMMENT ON COLUMN segments.evaluation.customers IS 'How many customers were evaluated.';
COMMENT ON COLUMN segments.evaluation.segments IS
  'The segments in the order of the catalogue: name, title, priority, rule, rule version.';
COMMENT ON COLUMN segments.evaluation.ids IS
  'The customers, ascending, as (gap, run length) pairs of variable-length integers.';

CREATE TABLE segments.evaluation_set (
  evaluation_id bigint NOT NULL REFERENCES segments.evaluation ON DELETE CASCADE,
  ordinal integer NOT NULL,
  members bigint NOT NULL,
  bits bytea NOT NULL,
  PRIMARY KEY (evaluation_id, ordinal)
);
-- The codec has already removed what compresses; a second attempt would only cost time.
ALTER TABLE segments.evaluation_set ALTER COLUMN bits SET STORAGE EXTERNAL;
COMMENT ON TABLE segments.evaluation_set IS
  'The members of one segment in one evaluation, as a set of positions in evaluation.ids.';
COMMENT ON COLUMN segments.evaluation_set.evaluation_id IS 'The evaluation.';
COMMENT ON COLUMN segments.evaluation_set.ordinal IS
  'The position, from 0, of the segment in evaluation.segments.';
COMMENT ON COLUMN segments.evaluation_set.members IS 'How many members the set has.';
COMMENT ON COLUMN segments.evaluation_set.bits IS
  'The set: a byte for its form, then bits (64-bit words, little-endian) or gaps (varints).';

CREATE TABLE segments.publication_record (
  publication_id integer PRIMARY KEY,
  as_of timestamptz NOT NULL,
  run_id bigint,
  published_at timestamptz NOT NULL UNIQUE,
  evaluation_id bigint REFERENCES segments.evaluation ON DELETE SET NULL,
  UNIQUE (as_of, publication_id)
);
CREATE INDEX ON segments.publication_record (evaluation_id);
COMMENT ON TABLE segments.publication_record IS
  'One row per publication, never changed nor removed. The live one is the newest at the latest '
  'as_of.';
COMMENT ON COLUMN segments.publication_record.publication_id IS
  'Rises by one with each publication, in the order of published_at.';
COMMENT ON COLUMN segments.publication_record.as_of IS
  'The instant whose memberships were published.';
COMMENT ON COLUMN segments.publication_record.run_id IS
  'The run that published; null outside a run.';
COMMENT ON COLUMN segments.publication_record.published_at IS
  'When it was published; strictly rising.';
COMMENT ON COLUMN segments.publication_record.evaluation_id IS
  'The evaluation published; null once that has been removed.';

CREATE TABLE segments.segment (
  segment_id integer PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  title text NOT NULL,
  description text NOT NULL,
  priority integer,
  rank integer NOT NULL,
  version_id integer NOT NULL,
  uses_score boolean NOT NULL,
  is_live boolean NOT NULL,
  audience_view text COLLATE "C" UNIQUE
);
COMMENT ON TABLE segments.segment IS
  'Every segment ever published, as the latest publication describes it; a name keeps its id.';
COMMENT ON COLUMN segments.segment.segment_id IS 'Internal number of the segment.';
COMMENT ON COLUMN segments.segment.name IS 'The name in the catalogue.';
COMMENT ON COLUMN segments.segment.title IS 'The name for people.';
COMMENT ON COLUMN segments.segment.description IS 'What the segment is for; may be empty.';
COMMENT ON COLUMN segments.segment.priority IS
  'Smaller wins where one segment must be chosen; null comes last.';
COMMENT ON COLUMN segments.segment.rank IS
  'Order by priority, then name: the primary segment is the smallest rank. From 0.';
COMMENT ON COLUMN segments.segment.version_id IS 'The rule version published last.';
COMMENT ON COLUMN segments.segment.uses_score IS 'Whether the rule reads a model score.';
COMMENT ON COLUMN segments.segment.is_live IS
  'Whether the live publication has the segment; false once it left the catalogue.';
COMMENT ON COLUMN segments.segment.audience_view IS
  'Its view in schema audience; null once the segment left the catalogue.';

CREATE TABLE segments.rule_version (
  version_id integer PRIMARY KEY,
  segment_id integer NOT NULL REFERENCES segments.segment,
  hash text NOT NULL,
  rule text NOT NULL,
  published_in integer NOT NULL REFERENCES segments.publication_record,
  UNIQUE (segment_id, hash)
);
COMMENT ON TABLE segments.rule_version IS
  'The rules a segment has had; never changed. A version is the hash of the normalised rule.';
COMMENT ON COLUMN segments.rule_version.version_id IS 'Internal number of the version.';
COMMENT ON COLUMN segments.rule_version.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.rule_version.hash IS 'Hash of the normalised rule, in hexadecimal.';
COMMENT ON COLUMN segments.rule_version.rule IS 'The rule as it was published.';
COMMENT ON COLUMN segments.rule_version.published_in IS 'The publication that used it first.';

CREATE TABLE segments.open_spell (
  customer_id bigint NOT NULL,
  valid_from timestamptz NOT NULL,
  segment_id integer NOT NULL,
  opened_in integer NOT NULL,
  entered_version integer NOT NULL,
  entered_cause segments.cause NOT NULL,
  PRIMARY KEY (customer_id, segment_id)
);
-- Few distinct values: deduplicated entries, and new rows go to the right end.
CREATE INDEX open_spell_segment ON segments.open_spell (segment_id);
CREATE INDEX open_spell_valid_from ON segments.open_spell (valid_from);
COMMENT ON TABLE segments.open_spell IS
  'Live memberships: one row per customer and segment it is in. Rows are inserted and moved, '
  'never updated.';
COMMENT ON COLUMN segments.open_spell.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.open_spell.valid_from IS
  'As-of of the publication at which the customer entered.';
COMMENT ON COLUMN segments.open_spell.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.open_spell.opened_in IS 'The publication that recorded this.';
COMMENT ON COLUMN segments.open_spell.entered_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.open_spell.entered_cause IS 'Why the customer entered.';

CREATE TABLE segments.ended_spell (
  customer_id bigint NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  segment_id integer NOT NULL,
  opened_in integer NOT NULL,
  closed_in integer,
  superseded_in integer,
  entered_version integer NOT NULL,
  left_version integer,
  entered_cause segments.cause NOT NULL,
  left_cause segments.cause,
  PRIMARY KEY (customer_id, segment_id, opened_in),
  CHECK (valid_to > valid_from),
  CHECK ((valid_to IS NULL) = (closed_in IS NULL)),
  CHECK ((valid_to IS NULL) = (left_cause IS NULL)),
  CHECK (valid_to IS NOT NULL OR superseded_in IS NOT NULL)
);
-- Rows arrive in the order of valid_to: the right end of the index, one place per segment.
CREATE INDEX ended_spell_valid_to ON segments.ended_spell (valid_to, segment_id);
CREATE INDEX ended_spell_valid_from ON segments.ended_spell (valid_from);
COMMENT ON TABLE segments.ended_spell IS
  'Memberships that ended, and records that a correction replaced. Rows are only added; a '
  'correction sets superseded_in.';
COMMENT ON COLUMN segments.ended_spell.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.ended_spell.valid_from IS
  'As-of of the publication at which the customer entered.';
COMMENT ON COLUMN segments.ended_spell.valid_to IS
  'As-of of the publication at which the customer left; null in a record that was replaced while '
  'the spell lasted.';
COMMENT ON COLUMN segments.ended_spell.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.ended_spell.opened_in IS 'The publication that recorded the entry.';
COMMENT ON COLUMN segments.ended_spell.closed_in IS 'The publication that recorded the leaving.';
COMMENT ON COLUMN segments.ended_spell.superseded_in IS
  'The publication whose correction replaced this record; null while it is believed.';
COMMENT ON COLUMN segments.ended_spell.entered_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.ended_spell.left_version IS
  'The rule version under which the customer left.';
COMMENT ON COLUMN segments.ended_spell.entered_cause IS 'Why the customer entered.';
COMMENT ON COLUMN segments.ended_spell.left_cause IS 'Why the customer left.';

CREATE TABLE segments.segment_size (
  as_of timestamptz NOT NULL,
  segment_id integer NOT NULL REFERENCES segments.segment,
  members bigint NOT NULL,
  entered bigint NOT NULL,
  "left" bigint NOT NULL,
  PRIMARY KEY (as_of, segment_id)
);
CREATE INDEX ON segments.segment_size (segment_id);
COMMENT ON TABLE segments.segment_size IS
  'Size and movement of each segment at each published as_of.';
COMMENT ON COLUMN segments.segment_size.as_of IS 'The published instant.';
COMMENT ON COLUMN segments.segment_size.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.segment_size.members IS 'Customers in the segment at as_of.';
COMMENT ON COLUMN segments.segment_size.entered IS
  'Customers in it now and not at the publication before.';
COMMENT ON COLUMN segments.segment_size."left" IS
  'Customers in it at the publication before and not now.';

-- Not logged: it is empty between publications. Not temporary: a distributed database needs it
-- beside the spells.
CREATE UNLOGGED TABLE segments.delta (
  customer_id bigint NOT NULL,
  segment_id integer NOT NULL,
  cause segments.cause NOT NULL,
  action smallint NOT NULL
);
COMMENT ON TABLE segments.delta IS
  'Spells that the publication under way ends or corrects; empty outside its transaction.';
COMMENT ON COLUMN segments.delta.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.delta.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.delta.cause IS 'Why the spell ends.';
COMMENT ON COLUMN segments.delta.action IS
  '1 the customer leaves, 2 the entry at this as_of was wrong, 3 the leaving at this as_of was '
  'wrong.';
