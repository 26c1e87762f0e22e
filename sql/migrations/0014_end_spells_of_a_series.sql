-- A backfill publishes many days in one transaction: a spell that ends says at which of them.
ALTER TABLE segments.delta ADD COLUMN closed_in integer;
COMMENT ON COLUMN segments.delta.closed_in IS
  'The publication at which the spell ends, where several are under way; null where it is the one.';
