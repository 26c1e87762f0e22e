-- What analysts ask of customers beside their segments, and nothing that they need not: three more
-- views, and no more rights than those.

CREATE VIEW segments.customer AS
SELECT c.customer_id, c.customer_key, c.first_seen_at, c.profile
FROM facts.customers c;
COMMENT ON VIEW segments.customer IS
  'One row per customer with what is known of it now, also of customers in no segment.';
COMMENT ON COLUMN segments.customer.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.customer.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.customer.first_seen_at IS
  'Earliest time known of the customer; null where none is.';
COMMENT ON COLUMN segments.customer.profile IS
  'Profile attributes as the sources gave them last, a JSON object: profile->>''country''. One on '
  'which sources contradict each other is null.';

-- Reads all purchases and refunds; grouped by the distribution key.
CREATE VIEW segments.customer_value AS
SELECT e.customer_id, e.currency, count(*) FILTER (WHERE e.kind_id = 1) AS purchases,
  coalesce(sum(e.amount) FILTER (WHERE e.kind_id = 1), 0) AS gross,
  coalesce(sum(e.amount) FILTER (WHERE e.kind_id = 2), 0) AS refunded,
  coalesce(sum(CASE e.kind_id WHEN 1 THEN e.amount ELSE -e.amount END), 0) AS net,
  min(e.occurred_at) FILTER (WHERE e.kind_id = 1) AS first_purchase_at,
  max(e.occurred_at) FILTER (WHERE e.kind_id = 1) AS last_purchase_at
FROM facts.events e
WHERE e.kind_id IN (1, 2)
GROUP BY e.customer_id, e.currency;
COMMENT ON VIEW segments.customer_value IS
  'What each customer has bought and given back over its lifetime: one row per customer and '
  'currency, none for customers without either. Reads all purchases: seconds, not milliseconds.';
COMMENT ON COLUMN segments.customer_value.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.customer_value.currency IS
  'ISO 4217 code of the amounts; null where the source has none.';
COMMENT ON COLUMN segments.customer_value.purchases IS 'How many purchases.';
COMMENT ON COLUMN segments.customer_value.gross IS 'Sum of the purchases.';
COMMENT ON COLUMN segments.customer_value.refunded IS 'Sum of what was given back.';
COMMENT ON COLUMN segments.customer_value.net IS 'gross less refunded: the lifetime value.';
COMMENT ON COLUMN segments.customer_value.first_purchase_at IS
  'The first purchase; null where there are refunds only.';
COMMENT ON COLUMN segments.customer_value.last_purchase_at IS
  'The last purchase; null where there are refunds only.';

CREATE VIEW segments.rule_history AS
SELECT s.name AS segment, v.hash AS rule_version, v.rule, p.as_of, p.run_id, p.published_at,
  v.version_id = s.version_id AS is_current
FROM segments.rule_version v
JOIN segments.segment s ON s.segment_id = v.segment_id
JOIN segments.publication_record p ON p.publication_id = v.published_in;
COMMENT ON VIEW segments.rule_history IS
  'Every rule that each segment has had: one row per segment and version, never changed.';
COMMENT ON COLUMN segments.rule_history.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.rule_history.rule_version IS 'Hash of the rule.';
COMMENT ON COLUMN segments.rule_history.rule IS 'The rule in its normal form.';
COMMENT ON COLUMN segments.rule_history.as_of IS 'As-of of the first publication with it.';
COMMENT ON COLUMN segments.rule_history.run_id IS
  'The run that published it first; null outside a run.';
COMMENT ON COLUMN segments.rule_history.published_at IS 'When it was published first.';
COMMENT ON COLUMN segments.rule_history.is_current IS
  'Whether it is the rule that the segment had at the latest publication with the segment.';

GRANT SELECT ON segments.customer, segments.customer_value, segments.rule_history TO strata_reader;

-- Views are read with their owner's rights: readers need no way into the schemas behind them, where
-- functions are.
REVOKE USAGE ON SCHEMA facts, features, runs FROM strata_reader;
