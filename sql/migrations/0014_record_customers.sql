-- When customers became known: a run that is asked for what was known at an instant has the customers
-- of then. The other facts tell it already (facts.event_record, facts.customer_profile).

CREATE TABLE facts.customer_record (
  customer_id   bigint NOT NULL,
  recorded_at   timestamptz NOT NULL,
  first_seen_at timestamptz,
  is_end        boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE facts.customer_record IS
  'What was recorded of customers: one row when one became known, when an earlier time of it did, '
  'and when it was merged into another. Known at T: rows with recorded_at <= T; the least '
  'first_seen_at counts, and nobody with is_end';
COMMENT ON COLUMN facts.customer_record.recorded_at IS
  'When it was recorded; -infinity for what was there before this table';
COMMENT ON COLUMN facts.customer_record.first_seen_at IS
  'Earliest time known of the customer then; NULL where there was none';
COMMENT ON COLUMN facts.customer_record.is_end IS 'The customer turned out to be another one';

INSERT INTO facts.customer_record (customer_id, recorded_at, first_seen_at)
SELECT customer_id, '-infinity', first_seen_at FROM facts.customers;
INSERT INTO facts.customer_record (customer_id, recorded_at, first_seen_at)
SELECT from_id, '-infinity', first_seen_at FROM landing.merge WHERE from_id IS NOT NULL;
INSERT INTO facts.customer_record (customer_id, recorded_at, is_end)
SELECT from_id, recorded_at, true FROM landing.merge WHERE from_id IS NOT NULL;
