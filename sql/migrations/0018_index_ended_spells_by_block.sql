-- Ended spells are written a publication or a series of them at a time, so their times lie in blocks:
-- block ranges find them, and cost a row that is written next to nothing, where two b-trees cost as
-- much as the row and its key.
DROP INDEX segments.ended_spell_valid_to;
DROP INDEX segments.ended_spell_valid_from;
CREATE INDEX ended_spell_times ON segments.ended_spell USING brin (valid_to, valid_from)
  WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX segments.ended_spell_times IS 'Finds the transitions of a publication.';
