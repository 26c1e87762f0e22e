-- A file of events through psql's \copy into a staging table, then the checks of
-- project/sources.yaml in SQL: types, not null, accepted values, range, unique event ids with a
-- ledger of keys, identities, rejected rows with reason and raw text, exact control totals.
-- The driver replaces @FILE@, because \copy knows no variables. Runs in one transaction.
SET client_min_messages = warning;
SET work_mem = '64MB';
BEGIN;
CREATE TEMP TABLE staging (
  line bigint GENERATED ALWAYS AS IDENTITY, event_id text, kind text, customer text,
  occurred_at text, sku text, quantity text, unit_price text, currency text, channel text
) ON COMMIT DROP;
\copy staging (event_id, kind, customer, occurred_at, sku, quantity, unit_price, currency, channel) FROM '@FILE@' WITH (FORMAT csv, HEADER)

INSERT INTO landing.source (name, created_at) VALUES ('events', now())
ON CONFLICT (name) DO UPDATE SET name = excluded.name;
INSERT INTO landing.load (source_id, state, started_at, file, definition)
SELECT source_id, 'loaded', now(), '@FILE@', '' FROM landing.source WHERE name = 'events';
SELECT source_id FROM landing.source WHERE name = 'events' \gset
SELECT max(load_id) AS load_id FROM landing.load \gset

-- One verdict per row. A cast of a bad text would stop the load, so patterns come first.
CREATE TEMP TABLE checked ON COMMIT DROP AS
SELECT s.line, reason,
  event_id COLLATE "C" AS event_id, customer COLLATE "C" AS customer_key,
  CASE WHEN reason IS NULL THEN occurred_at::timestamptz END AS occurred_at,
  k.kind_id, sku AS item,
  CASE WHEN reason IS NULL THEN quantity::bigint END AS quantity,
  CASE WHEN reason IS NULL THEN quantity::bigint * unit_price::numeric(18, 4) END AS amount,
  currency, channel,
  hashtextextended(concat_ws('|', kind, customer, occurred_at, sku, quantity, unit_price, currency,
    channel), 0) AS content
FROM (
  SELECT *, CASE
    WHEN event_id IS NULL THEN 'event_id'
    WHEN customer IS NULL THEN 'customer_present'
    WHEN occurred_at IS NULL
      OR occurred_at !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' THEN 'occurred_at'
    WHEN kind NOT IN ('purchase', 'refund', 'cart_add', 'cart_abandon', 'product_view', 'session',
      'email_sent', 'email_open', 'email_click', 'support_contact', 'login', 'page_view')
      THEN 'known_kind'
    WHEN quantity !~ '^-?\d{1,18}$' THEN 'quantity'
    WHEN unit_price !~ '^-?\d{1,12}(\.\d{1,4})?$' THEN 'unit_price'
    WHEN quantity::bigint NOT BETWEEN 0 AND 1000 THEN 'quantity_range'
    WHEN currency <> 'EUR' THEN 'euro' END AS reason
  FROM staging) AS s
LEFT JOIN facts.event_kind AS k ON k.name = s.kind;

WITH claimed AS (
  INSERT INTO landing.event_key (source_id, event_id, content, load_id, line)
  SELECT :source_id, event_id, content, :load_id, line FROM checked
  WHERE reason IS NULL ORDER BY event_id, line
  ON CONFLICT (source_id, event_id) DO NOTHING RETURNING 1)
SELECT count(*) < (SELECT count(*) FROM checked WHERE reason IS NULL) AS repeated FROM claimed \gset
\if :repeated
UPDATE checked AS s
SET reason = CASE WHEN k.content = s.content THEN 'duplicate' ELSE 'conflicting_redelivery' END
FROM landing.event_key AS k
WHERE s.reason IS NULL AND k.source_id = :source_id AND k.event_id = s.event_id
  AND (k.load_id, k.line) IS DISTINCT FROM (:load_id, s.line);
\endif

CREATE TEMP TABLE arrived ON COMMIT DROP AS
SELECT customer_key, min(occurred_at) AS first_seen_at FROM checked WHERE reason IS NULL
GROUP BY customer_key;
INSERT INTO landing.identity (customer_key)
SELECT customer_key FROM arrived ORDER BY customer_key ON CONFLICT (customer_key) DO NOTHING;
INSERT INTO facts.customers AS c (customer_id, customer_key, first_seen_at)
SELECT i.customer_id, i.customer_key, a.first_seen_at
FROM arrived AS a JOIN landing.identity AS i USING (customer_key) ORDER BY i.customer_id
ON CONFLICT (customer_id) DO UPDATE SET first_seen_at = excluded.first_seen_at
WHERE c.first_seen_at IS NULL OR excluded.first_seen_at < c.first_seen_at;

SELECT facts.ensure_months(array_agg(DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date))
FROM checked WHERE reason IS NULL \g /dev/null
INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, item,
  quantity, amount, currency, properties, event_id)
SELECT i.customer_id, s.occurred_at, now(), :load_id, s.kind_id, :source_id, s.item, s.quantity,
  s.amount, s.currency, jsonb_build_object('channel', s.channel), s.event_id
FROM checked AS s JOIN landing.identity AS i USING (customer_key) WHERE s.reason IS NULL;
INSERT INTO landing.rejected (load_id, line, reason, raw)
SELECT :load_id, c.line, c.reason, concat_ws(',', s.event_id, s.kind, s.customer, s.occurred_at,
  s.sku, s.quantity, s.unit_price, s.currency, s.channel)
FROM checked AS c JOIN staging AS s USING (line)
WHERE c.reason IS NOT NULL AND c.reason <> 'duplicate';

UPDATE landing.load AS l
SET rows_accepted = n.accepted, rows_rejected = n.rejected, rows_read = n.accepted + n.rejected,
  totals = jsonb_build_object('revenue', n.revenue), first_occurred_at = n.first,
  last_occurred_at = n.last, finished_at = now()
FROM (
  SELECT count(*) FILTER (WHERE reason IS NULL) AS accepted,
    count(*) FILTER (WHERE reason IS NOT NULL) AS rejected,
    sum(amount) AS revenue, min(occurred_at) AS first, max(occurred_at) AS last
  FROM checked) AS n
WHERE l.load_id = :load_id;
COMMIT;
