-- A backfill publishes many days in one transaction: a spell that ends says at which of them.
ALTER TABLE segments.delta ADD COLUMN closed_in integer;
COMMENT ON COLUMN segments.delta.closed_in IS
  'The publication at which the spell ends, where several are under way; null where it is the one.';

-- Who is killed after the commit finds what it has published, also where later days followed in the
-- same transaction.
ALTER TABLE segments.publication_record ADD COLUMN summary jsonb;
COMMENT ON COLUMN segments.publication_record.summary IS
  'What the publication told of itself: the evaluation, sizes and movements; null for those of '
  'older releases.';
