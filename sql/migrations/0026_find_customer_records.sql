-- What was recorded of a customer lately is asked for by every explanation. Rows are only added, in the
-- order of their recording: block ranges find them, and cost a load next to nothing.
CREATE INDEX customer_record_blocks ON facts.customer_record
  USING brin (recorded_at, customer_id) WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX facts.customer_record_blocks IS
  'Finds what was recorded after an instant, and of a customer.';
