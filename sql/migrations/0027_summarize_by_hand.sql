-- Publications bring the block ranges of spells up to date themselves; the server's own requests for it
-- exceed what it keeps of them, and each one lost is a line in its log.
ALTER INDEX segments.ended_spell_blocks SET (autosummarize = off);
ALTER INDEX segments.open_spell_times SET (autosummarize = off);

COMMENT ON COLUMN segments.delta.action IS
  '2 the entry at this as_of was wrong, 3 the leaving at this as_of was wrong, 4 what touches a past '
  'as_of is written anew.';
COMMENT ON TABLE segments.delta IS
  'Spells that the publication under way corrects; empty outside its transaction.';
ALTER TABLE segments.delta DROP COLUMN closed_in;
