-- The memberships of best.state: all rules in one unnest, and a full-join delta with history.
-- Variables: as_of. Written by write_definitions.py.
DROP TABLE IF EXISTS best.night;
CREATE UNLOGGED TABLE best.night AS SELECT customer_id, unnest(array_remove(ARRAY[
  CASE WHEN orders_30d >= 1 AND days_since_order <= 7 THEN 1 END,
  CASE WHEN orders_30d >= 1 AND days_since_order <= 14 THEN 2 END,
  CASE WHEN orders_30d >= 1 AND days_since_order <= 30 THEN 3 END,
  CASE WHEN orders_90d >= 1 AND days_since_order <= 45 THEN 4 END,
  CASE WHEN orders_90d >= 1 AND days_since_order <= 60 THEN 5 END,
  CASE WHEN orders_30d >= 2 AND days_since_order <= 7 THEN 6 END,
  CASE WHEN orders_30d >= 2 AND days_since_order <= 14 THEN 7 END,
  CASE WHEN orders_30d >= 2 AND days_since_order <= 30 THEN 8 END,
  CASE WHEN orders_90d >= 2 AND days_since_order <= 45 THEN 9 END,
  CASE WHEN orders_90d >= 2 AND days_since_order <= 60 THEN 10 END,
  CASE WHEN orders_30d >= 3 AND days_since_order <= 7 THEN 11 END,
  CASE WHEN orders_30d >= 3 AND days_since_order <= 14 THEN 12 END,
  CASE WHEN orders_30d >= 3 AND days_since_order <= 30 THEN 13 END,
  CASE WHEN orders_90d >= 3 AND days_since_order <= 45 THEN 14 END,
  CASE WHEN orders_90d >= 3 AND days_since_order <= 60 THEN 15 END,
  CASE WHEN orders_30d >= 4 AND days_since_order <= 7 THEN 16 END,
  CASE WHEN orders_30d >= 4 AND days_since_order <= 14 THEN 17 END,
  CASE WHEN orders_30d >= 4 AND days_since_order <= 30 THEN 18 END,
  CASE WHEN orders_90d >= 4 AND days_since_order <= 45 THEN 19 END,
  CASE WHEN orders_90d >= 4 AND days_since_order <= 60 THEN 20 END,
  CASE WHEN revenue_90d > 100 AND ltv_net > 300 AND NOT (refunds_90d > 0) THEN 21 END,
  CASE WHEN revenue_90d > 100 AND ltv_net > 500 AND NOT (refunds_90d > 0) THEN 22 END,
  CASE WHEN revenue_90d > 100 AND ltv_net > 800 AND NOT (refunds_90d > 0) THEN 23 END,
  CASE WHEN revenue_90d > 100 AND ltv_net > 1200 AND NOT (refunds_90d > 0) THEN 24 END,
  CASE WHEN revenue_90d > 100 AND ltv_net > 2000 AND NOT (refunds_90d > 0) THEN 25 END,
  CASE WHEN revenue_90d > 200 AND ltv_net > 300 AND NOT (refunds_90d > 0) THEN 26 END,
  CASE WHEN revenue_90d > 200 AND ltv_net > 500 AND NOT (refunds_90d > 0) THEN 27 END,
  CASE WHEN revenue_90d > 200 AND ltv_net > 800 AND NOT (refunds_90d > 0) THEN 28 END,
  CASE WHEN revenue_90d > 200 AND ltv_net > 1200 AND NOT (refunds_90d > 0) THEN 29 END,
  CASE WHEN revenue_90d > 200 AND ltv_net > 2000 AND NOT (refunds_90d > 0) THEN 30 END,
  CASE WHEN revenue_90d > 300 AND ltv_net > 300 AND NOT (refunds_90d > 0) THEN 31 END,
  CASE WHEN revenue_90d > 300 AND ltv_net > 500 AND NOT (refunds_90d > 0) THEN 32 END,
  CASE WHEN revenue_90d > 300 AND ltv_net > 800 AND NOT (refunds_90d > 0) THEN 33 END,
  CASE WHEN revenue_90d > 300 AND ltv_net > 1200 AND NOT (refunds_90d > 0) THEN 34 END,
  CASE WHEN revenue_90d > 300 AND ltv_net > 2000 AND NOT (refunds_90d > 0) THEN 35 END,
  CASE WHEN revenue_90d > 450 AND ltv_net > 300 AND NOT (refunds_90d > 0) THEN 36 END,
  CASE WHEN revenue_90d > 450 AND ltv_net > 500 AND NOT (refunds_90d > 0) THEN 37 END,
  CASE WHEN revenue_90d > 450 AND ltv_net > 800 AND NOT (refunds_90d > 0) THEN 38 END,
  CASE WHEN revenue_90d > 450 AND ltv_net > 1200 AND NOT (refunds_90d > 0) THEN 39 END,
  CASE WHEN revenue_90d > 450 AND ltv_net > 2000 AND NOT (refunds_90d > 0) THEN 40 END,
  CASE WHEN (sessions_30d >= 2 OR product_views_30d > 2) AND orders_90d = 0 THEN 41 END,
  CASE WHEN (sessions_30d >= 2 OR product_views_30d > 3) AND orders_90d = 0 THEN 42 END,
  CASE WHEN (sessions_30d >= 2 OR product_views_30d > 4) AND orders_90d = 0 THEN 43 END,
  CASE WHEN (sessions_30d >= 2 OR product_views_30d > 6) AND orders_90d = 0 THEN 44 END,
  CASE WHEN (sessions_30d >= 2 OR product_views_30d > 8) AND orders_90d = 0 THEN 45 END,
  CASE WHEN (sessions_30d >= 3 OR product_views_30d > 2) AND orders_90d = 0 THEN 46 END,
  CASE WHEN (sessions_30d >= 3 OR product_views_30d > 3) AND orders_90d = 0 THEN 47 END,
  CASE WHEN (sessions_30d >= 3 OR product_views_30d > 4) AND orders_90d = 0 THEN 48 END,
  CASE WHEN (sessions_30d >= 3 OR product_views_30d > 6) AND orders_90d = 0 THEN 49 END,
  CASE WHEN (sessions_30d >= 3 OR product_views_30d > 8) AND orders_90d = 0 THEN 50 END,
  CASE WHEN (sessions_30d >= 4 OR product_views_30d > 2) AND orders_90d = 0 THEN 51 END,
  CASE WHEN (sessions_30d >= 4 OR product_views_30d > 3) AND orders_90d = 0 THEN 52 END,
  CASE WHEN (sessions_30d >= 4 OR product_views_30d > 4) AND orders_90d = 0 THEN 53 END,
  CASE WHEN (sessions_30d >= 4 OR product_views_30d > 6) AND orders_90d = 0 THEN 54 END,
  CASE WHEN (sessions_30d >= 4 OR product_views_30d > 8) AND orders_90d = 0 THEN 55 END,
  CASE WHEN (sessions_30d >= 6 OR product_views_30d > 2) AND orders_90d = 0 THEN 56 END,
  CASE WHEN (sessions_30d >= 6 OR product_views_30d > 3) AND orders_90d = 0 THEN 57 END,
  CASE WHEN (sessions_30d >= 6 OR product_views_30d > 4) AND orders_90d = 0 THEN 58 END,
  CASE WHEN (sessions_30d >= 6 OR product_views_30d > 6) AND orders_90d = 0 THEN 59 END,
  CASE WHEN (sessions_30d >= 6 OR product_views_30d > 8) AND orders_90d = 0 THEN 60 END,
  CASE WHEN email_open_rate_90d > 0.25 AND days_since_session > 7 THEN 61 END,
  CASE WHEN email_open_rate_90d > 0.25 AND days_since_session > 14 THEN 62 END,
  CASE WHEN email_open_rate_90d > 0.25 AND days_since_session > 30 THEN 63 END,
  CASE WHEN email_open_rate_90d > 0.25 AND days_since_session > 60 THEN 64 END,
  CASE WHEN email_open_rate_90d > 0.25 AND days_since_session > 90 THEN 65 END,
  CASE WHEN email_open_rate_90d > 0.5 AND days_since_session > 7 THEN 66 END,
  CASE WHEN email_open_rate_90d > 0.5 AND days_since_session > 14 THEN 67 END,
  CASE WHEN email_open_rate_90d > 0.5 AND days_since_session > 30 THEN 68 END,
  CASE WHEN email_open_rate_90d > 0.5 AND days_since_session > 60 THEN 69 END,
  CASE WHEN email_open_rate_90d > 0.5 AND days_since_session > 90 THEN 70 END,
  CASE WHEN email_open_rate_90d > 0.6 AND days_since_session > 7 THEN 71 END,
  CASE WHEN email_open_rate_90d > 0.6 AND days_since_session > 14 THEN 72 END,
  CASE WHEN email_open_rate_90d > 0.6 AND days_since_session > 30 THEN 73 END,
  CASE WHEN email_open_rate_90d > 0.6 AND days_since_session > 60 THEN 74 END,
  CASE WHEN email_open_rate_90d > 0.6 AND days_since_session > 90 THEN 75 END,
  CASE WHEN email_open_rate_90d > 0.75 AND days_since_session > 7 THEN 76 END,
  CASE WHEN email_open_rate_90d > 0.75 AND days_since_session > 14 THEN 77 END,
  CASE WHEN email_open_rate_90d > 0.75 AND days_since_session > 30 THEN 78 END,
  CASE WHEN email_open_rate_90d > 0.75 AND days_since_session > 60 THEN 79 END,
  CASE WHEN email_open_rate_90d > 0.75 AND days_since_session > 90 THEN 80 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 20 THEN 81 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 30 THEN 82 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 45 THEN 83 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 20 THEN 84 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 30 THEN 85 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 45 THEN 86 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 20 THEN 87 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 30 THEN 88 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 45 THEN 89 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 20 THEN 90 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 30 THEN 91 END,
  CASE WHEN logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 45 THEN 92 END,
  CASE WHEN aov_90d >= 30 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2) THEN 93 END,
  CASE WHEN aov_90d >= 60 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2) THEN 94 END,
  CASE WHEN aov_90d >= 90 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2) THEN 95 END,
  CASE WHEN aov_90d >= 120 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2) THEN 96 END,
  CASE WHEN orders_prev_90d > 1 AND orders_90d < 1 AND sessions_90d >= 1 THEN 97 END,
  CASE WHEN orders_prev_90d > 2 AND orders_90d < 2 AND sessions_90d >= 1 THEN 98 END,
  CASE WHEN orders_prev_90d > 3 AND orders_90d < 3 AND sessions_90d >= 1 THEN 99 END,
  CASE WHEN orders_prev_90d > 4 AND orders_90d < 4 AND sessions_90d >= 1 THEN 100 END
]::smallint[], NULL)) AS segment
FROM (SELECT *, CASE WHEN orders_90d >= 1 THEN revenue_90d::float8 / orders_90d::float8 END AS aov_90d, CASE WHEN emails_sent_90d >= 2 THEN email_opens_90d::float8 / emails_sent_90d::float8 END AS email_open_rate_90d, (:'as_of'::date - 1) - days_since_order_on AS days_since_order, (:'as_of'::date - 1) - days_since_session_on AS days_since_session, (:'as_of'::date - 1) - days_since_login_on AS days_since_login FROM best.state) AS f;
ANALYZE best.night;
CREATE TABLE IF NOT EXISTS best.membership (customer_id bigint, segment smallint,
  since timestamptz NOT NULL, PRIMARY KEY (customer_id, segment));
CREATE TABLE IF NOT EXISTS best.history (customer_id bigint, segment smallint,
  valid_from timestamptz NOT NULL, valid_to timestamptz);
CREATE INDEX IF NOT EXISTS history_open ON best.history (customer_id, segment)
  WHERE valid_to IS NULL;
CREATE TABLE IF NOT EXISTS best.daily_size (as_of timestamptz, segment smallint,
  members bigint);
BEGIN;
CREATE TEMP TABLE delta ON COMMIT DROP AS
SELECT coalesce(n.customer_id, m.customer_id) AS customer_id,
  coalesce(n.segment, m.segment) AS segment, n.customer_id IS NOT NULL AS enters
FROM best.night AS n FULL JOIN best.membership AS m
  ON n.customer_id = m.customer_id AND n.segment = m.segment
WHERE n.customer_id IS NULL OR m.customer_id IS NULL;
ANALYZE delta;
DELETE FROM best.membership AS m USING delta AS d
WHERE NOT d.enters AND m.customer_id = d.customer_id AND m.segment = d.segment;
UPDATE best.history AS h SET valid_to = :'as_of'::timestamptz FROM delta AS d
WHERE NOT d.enters AND h.valid_to IS NULL AND h.customer_id = d.customer_id
  AND h.segment = d.segment;
INSERT INTO best.membership SELECT customer_id, segment, :'as_of'::timestamptz
FROM delta WHERE enters;
INSERT INTO best.history SELECT customer_id, segment, :'as_of'::timestamptz
FROM delta WHERE enters;
INSERT INTO best.daily_size SELECT :'as_of'::timestamptz, segment, count(*)
FROM best.night GROUP BY segment;
COMMIT;
