-- Rules that ask who was a member before (a score that is easier to stay in than to enter, and
-- was_member_of) are folded forward over the midnights from the first one. The state of a midnight is
-- kept, so that a night folds one day and a refresh none.
CREATE TABLE segments.prior_state (
  midnight     timestamptz NOT NULL,
  meaning      text COLLATE "C" NOT NULL,
  tile_version bigint NOT NULL,
  created_at   timestamptz NOT NULL,
  customers    bigint NOT NULL,
  ids          bytea NOT NULL,
  memory       bytea NOT NULL,
  PRIMARY KEY (midnight, meaning)
);
-- The codec has already removed what compresses.
ALTER TABLE segments.prior_state ALTER COLUMN ids SET STORAGE EXTERNAL;
ALTER TABLE segments.prior_state ALTER COLUMN memory SET STORAGE EXTERNAL;
COMMENT ON TABLE segments.prior_state IS
  'Who was a member at a midnight, of the segments whose rules ask about it: one row per midnight and '
  'meaning of these rules. Old ones are thinned out; what is missing is folded forward again.';
COMMENT ON COLUMN segments.prior_state.midnight IS 'The local midnight that was evaluated.';
COMMENT ON COLUMN segments.prior_state.meaning IS
  'Hash of the rules that were folded and of the features that they read.';
COMMENT ON COLUMN segments.prior_state.tile_version IS
  'The version of the day tiles before the evaluation: what was folded later may change it.';
COMMENT ON COLUMN segments.prior_state.created_at IS 'When it was stored.';
COMMENT ON COLUMN segments.prior_state.customers IS 'How many customers there were.';
COMMENT ON COLUMN segments.prior_state.ids IS
  'The customers, ascending, as (gap, run length) pairs of variable-length integers.';
COMMENT ON COLUMN segments.prior_state.memory IS
  'Per segment the members, or how many days ago each customer was one last.';

-- A night that is run again after some rules changed evaluates these and what rests on them.
CREATE TABLE segments.evaluation_input (
  evaluation_id bigint PRIMARY KEY REFERENCES segments.evaluation ON DELETE CASCADE,
  stamp         text COLLATE "C" NOT NULL,
  meanings      jsonb NOT NULL
);
COMMENT ON TABLE segments.evaluation_input IS
  'What an evaluation was made of: where the facts are the same, rules that mean the same have the same '
  'members.';
COMMENT ON COLUMN segments.evaluation_input.evaluation_id IS 'The evaluation.';
COMMENT ON COLUMN segments.evaluation_input.stamp IS
  'The version of the day tiles, the customers and the scores that were read.';
COMMENT ON COLUMN segments.evaluation_input.meanings IS
  'Per segment a hash of its rule, its features, and the rules that it refers to.';
