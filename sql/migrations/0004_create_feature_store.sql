-- Day tiles, the record of what they hold, and the stored states of the sweep.

-- One row per customer and local day with an event that some measure counts. The measures are added
-- as columns when the feature catalogue first needs them, so none is listed here. They are null where
-- nothing was counted: most customers do one or two of the kinds on a day, and nulls take no space.
-- fillfactor: late events update rows in place (no indexed column changes, so updates stay HOT).
CREATE TABLE facts.customer_day (
  customer_id bigint NOT NULL,
  day date NOT NULL,
  -- The day first: a night's tiles then go to the end of the index, and not to as many of its pages
  -- as there are customers with events.
  PRIMARY KEY (day, customer_id)
) WITH (fillfactor = 90);
-- Folds write rows in the order of days, so that few pages hold a day.
CREATE INDEX customer_day_day ON facts.customer_day
  USING brin (day) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE facts.customer_day IS
  'Day tiles: one row per customer and local day of the project, one column per measure of the '
  'feature catalogue (features.measure). Derived from facts.events.';
COMMENT ON COLUMN facts.customer_day.customer_id IS 'The customer; the distribution key.';
COMMENT ON COLUMN facts.customer_day.day IS 'The local day of the project''s zone.';

-- The single row also serialises folds: each fold locks it first.
CREATE TABLE features.tiles (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  version bigint NOT NULL DEFAULT 0,
  zone text
);
INSERT INTO features.tiles DEFAULT VALUES;
COMMENT ON TABLE features.tiles IS 'The version of the day tiles: rises with each fold.';
COMMENT ON COLUMN features.tiles.single IS 'Always true: there is one row.';
COMMENT ON COLUMN features.tiles.version IS 'The number of folds so far.';
COMMENT ON COLUMN features.tiles.zone IS
  'The zone whose days the tiles are of; null before the first fold.';

CREATE TABLE features.measure (
  column_name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL CHECK (value IN ('count', 'amount', 'quantity')),
  kinds text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE features.measure IS
  'The columns of facts.customer_day: what each adds up.';
COMMENT ON COLUMN features.measure.column_name IS 'The column in facts.customer_day.';
COMMENT ON COLUMN features.measure.value IS
  'count: events; amount: their amount times 10^4; quantity: their quantity.';
COMMENT ON COLUMN features.measure.kinds IS 'The event kinds that count.';
COMMENT ON COLUMN features.measure.created_at IS 'When the column was added and filled.';

-- Per load and not a high-water mark: loads may commit out of the order of their ids.
CREATE TABLE features.folded_load (
  load_id bigint PRIMARY KEY,
  version bigint NOT NULL
);
COMMENT ON TABLE features.folded_load IS 'The loads whose events are in the day tiles.';
COMMENT ON COLUMN features.folded_load.load_id IS 'landing.load.';
COMMENT ON COLUMN features.folded_load.version IS
  'The tile version that the fold made: states of an older version lack the load.';

CREATE TABLE features.state (
  state_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  range_number smallint NOT NULL,
  day date NOT NULL,
  zone text NOT NULL,
  tile_version bigint NOT NULL,
  customers bigint NOT NULL,
  ids bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (range_number, day)
);
-- The blobs are compact already: compressing them again costs time and saves nothing.
ALTER TABLE features.state ALTER COLUMN ids SET STORAGE EXTERNAL;
COMMENT ON TABLE features.state IS
  'States of the sweep: every measure over every window at the end of a local day.';
COMMENT ON COLUMN features.state.range_number IS 'The customer range; 0 where there is one.';
COMMENT ON COLUMN features.state.day IS 'The last whole local day inside.';
COMMENT ON COLUMN features.state.zone IS 'The zone of the days.';
COMMENT ON COLUMN features.state.tile_version IS 'The tiles that the state was made from.';
COMMENT ON COLUMN features.state.customers IS 'The number of customers in the state.';
COMMENT ON COLUMN features.state.ids IS 'The customers, coded; a column has one value for each.';

CREATE TABLE features.state_column (
  state_id bigint NOT NULL REFERENCES features.state ON DELETE CASCADE,
  slot text COLLATE "C" NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (state_id, slot)
);
ALTER TABLE features.state_column ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE features.state_column IS
  'The columns of the states: zigzag varints with a null mask and a checksum.';
COMMENT ON COLUMN features.state_column.state_id IS 'The state.';
COMMENT ON COLUMN features.state_column.slot IS
  'The measure and its window: purchase_count@30d.';
COMMENT ON COLUMN features.state_column.bytes IS 'The coded column.';
