-- States of the sweep by customer range, each with what it holds.

-- A day's states count only where together they hold every customer once: a build by other ranges, or
-- one that broke off, leaves no mixture that looks whole. States stored before hold everyone.
ALTER TABLE features.state
  ADD COLUMN range_count smallint NOT NULL DEFAULT 1,
  ADD COLUMN first_id bigint,
  ADD COLUMN end_id bigint,
  ADD COLUMN first_hash integer,
  ADD COLUMN last_hash integer,
  ADD CONSTRAINT state_range_check CHECK (range_number >= 0 AND range_number < range_count),
  ADD CONSTRAINT state_extent_check CHECK (
    (first_hash IS NULL) = (last_hash IS NULL)
    AND (first_hash IS NULL OR (first_id IS NULL AND end_id IS NULL)));
COMMENT ON COLUMN features.state.range_number IS
  'The customer range among those made together, from 0.';
COMMENT ON COLUMN features.state.range_count IS 'How many ranges were made together.';
COMMENT ON COLUMN features.state.first_id IS
  'The smallest customer_id of the range; NULL for no bound, and for a range of hashes.';
COMMENT ON COLUMN features.state.end_id IS
  'The first customer_id after the range; NULL for no bound, and for a range of hashes.';
COMMENT ON COLUMN features.state.first_hash IS
  'The first hash of customer_id inside, where ranges are shards; else NULL.';
COMMENT ON COLUMN features.state.last_hash IS
  'The last hash of customer_id inside, where ranges are shards; else NULL.';
