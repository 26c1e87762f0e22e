-- The night as an analyst writes it: one query per feature into a table, joined up; an INSERT
-- per rule; the publication deletes everything and inserts it again.
-- Variables: as_of, a local midnight of the session's zone. Written by write_definitions.py.
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS naive;
CREATE TABLE IF NOT EXISTS naive.membership (segment smallint, customer_id bigint,
  PRIMARY KEY (segment, customer_id));
DROP TABLE IF EXISTS naive.orders_7d;
CREATE TABLE naive.orders_7d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '7 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_30d;
CREATE TABLE naive.orders_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_45d;
CREATE TABLE naive.orders_45d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '45 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_60d;
CREATE TABLE naive.orders_60d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '60 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_90d;
CREATE TABLE naive.orders_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_180d;
CREATE TABLE naive.orders_180d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '180 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.sessions_7d;
CREATE TABLE naive.sessions_7d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '7 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.sessions_30d;
CREATE TABLE naive.sessions_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.sessions_90d;
CREATE TABLE naive.sessions_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.sessions_180d;
CREATE TABLE naive.sessions_180d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '180 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.logins_30d;
CREATE TABLE naive.logins_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 20 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.logins_90d;
CREATE TABLE naive.logins_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 20 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.product_views_14d;
CREATE TABLE naive.product_views_14d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 6 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '14 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.product_views_30d;
CREATE TABLE naive.product_views_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 6 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.product_views_90d;
CREATE TABLE naive.product_views_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 6 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.cart_adds_7d;
CREATE TABLE naive.cart_adds_7d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 3 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '7 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.cart_adds_30d;
CREATE TABLE naive.cart_adds_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 3 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.cart_abandons_7d;
CREATE TABLE naive.cart_abandons_7d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 4 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '7 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.cart_abandons_30d;
CREATE TABLE naive.cart_abandons_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 4 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.emails_sent_90d;
CREATE TABLE naive.emails_sent_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 11 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.email_opens_30d;
CREATE TABLE naive.email_opens_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 12 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.email_opens_90d;
CREATE TABLE naive.email_opens_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 12 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.email_clicks_90d;
CREATE TABLE naive.email_clicks_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 13 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.support_contacts_30d;
CREATE TABLE naive.support_contacts_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 18 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.support_contacts_90d;
CREATE TABLE naive.support_contacts_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 18 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.refunds_90d;
CREATE TABLE naive.refunds_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 2 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_lifetime;
CREATE TABLE naive.orders_lifetime AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz GROUP BY customer_id;
DROP TABLE IF EXISTS naive.orders_prev_90d;
CREATE TABLE naive.orders_prev_90d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz - interval '90 days' AND occurred_at >= :'as_of'::timestamptz - interval '180 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.sessions_prev_30d;
CREATE TABLE naive.sessions_prev_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz - interval '30 days' AND occurred_at >= :'as_of'::timestamptz - interval '60 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.logins_prev_30d;
CREATE TABLE naive.logins_prev_30d AS SELECT customer_id, count(*) AS value
FROM facts.events WHERE kind_id = 20 AND occurred_at < :'as_of'::timestamptz - interval '30 days' AND occurred_at >= :'as_of'::timestamptz - interval '60 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.revenue_30d;
CREATE TABLE naive.revenue_30d AS SELECT customer_id, sum(amount) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '30 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.revenue_90d;
CREATE TABLE naive.revenue_90d AS SELECT customer_id, sum(amount) AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz AND occurred_at >= :'as_of'::timestamptz - interval '90 days' GROUP BY customer_id;
DROP TABLE IF EXISTS naive.ltv_net;
CREATE TABLE naive.ltv_net AS SELECT customer_id, sum(CASE WHEN kind_id = 1 THEN amount ELSE -amount END) AS value
FROM facts.events WHERE kind_id IN (1, 2) AND occurred_at < :'as_of'::timestamptz GROUP BY customer_id;
DROP TABLE IF EXISTS naive.days_since_order;
CREATE TABLE naive.days_since_order AS SELECT customer_id, (:'as_of'::date - 1) - max(occurred_at)::date AS value
FROM facts.events WHERE kind_id = 1 AND occurred_at < :'as_of'::timestamptz GROUP BY customer_id;
DROP TABLE IF EXISTS naive.days_since_session;
CREATE TABLE naive.days_since_session AS SELECT customer_id, (:'as_of'::date - 1) - max(occurred_at)::date AS value
FROM facts.events WHERE kind_id = 8 AND occurred_at < :'as_of'::timestamptz GROUP BY customer_id;
DROP TABLE IF EXISTS naive.days_since_login;
CREATE TABLE naive.days_since_login AS SELECT customer_id, (:'as_of'::date - 1) - max(occurred_at)::date AS value
FROM facts.events WHERE kind_id = 20 AND occurred_at < :'as_of'::timestamptz GROUP BY customer_id;
DROP TABLE IF EXISTS naive.features;
CREATE TABLE naive.features AS SELECT *, CASE WHEN orders_90d >= 1 THEN revenue_90d::float8 / orders_90d::float8 END AS aov_90d,
  CASE WHEN emails_sent_90d >= 2 THEN email_opens_90d::float8 / emails_sent_90d::float8 END AS email_open_rate_90d FROM (
SELECT customer_id, coalesce(orders_7d.value, 0) AS orders_7d,
  coalesce(orders_30d.value, 0) AS orders_30d,
  coalesce(orders_45d.value, 0) AS orders_45d,
  coalesce(orders_60d.value, 0) AS orders_60d,
  coalesce(orders_90d.value, 0) AS orders_90d,
  coalesce(orders_180d.value, 0) AS orders_180d,
  coalesce(sessions_7d.value, 0) AS sessions_7d,
  coalesce(sessions_30d.value, 0) AS sessions_30d,
  coalesce(sessions_90d.value, 0) AS sessions_90d,
  coalesce(sessions_180d.value, 0) AS sessions_180d,
  coalesce(logins_30d.value, 0) AS logins_30d,
  coalesce(logins_90d.value, 0) AS logins_90d,
  coalesce(product_views_14d.value, 0) AS product_views_14d,
  coalesce(product_views_30d.value, 0) AS product_views_30d,
  coalesce(product_views_90d.value, 0) AS product_views_90d,
  coalesce(cart_adds_7d.value, 0) AS cart_adds_7d,
  coalesce(cart_adds_30d.value, 0) AS cart_adds_30d,
  coalesce(cart_abandons_7d.value, 0) AS cart_abandons_7d,
  coalesce(cart_abandons_30d.value, 0) AS cart_abandons_30d,
  coalesce(emails_sent_90d.value, 0) AS emails_sent_90d,
  coalesce(email_opens_30d.value, 0) AS email_opens_30d,
  coalesce(email_opens_90d.value, 0) AS email_opens_90d,
  coalesce(email_clicks_90d.value, 0) AS email_clicks_90d,
  coalesce(support_contacts_30d.value, 0) AS support_contacts_30d,
  coalesce(support_contacts_90d.value, 0) AS support_contacts_90d,
  coalesce(refunds_90d.value, 0) AS refunds_90d,
  coalesce(orders_lifetime.value, 0) AS orders_lifetime,
  coalesce(orders_prev_90d.value, 0) AS orders_prev_90d,
  coalesce(sessions_prev_30d.value, 0) AS sessions_prev_30d,
  coalesce(logins_prev_30d.value, 0) AS logins_prev_30d,
  coalesce(revenue_30d.value, 0) AS revenue_30d,
  coalesce(revenue_90d.value, 0) AS revenue_90d,
  coalesce(ltv_net.value, 0) AS ltv_net,
  days_since_order.value AS days_since_order,
  days_since_session.value AS days_since_session,
  days_since_login.value AS days_since_login
FROM facts.customers
LEFT JOIN naive.orders_7d USING (customer_id)
LEFT JOIN naive.orders_30d USING (customer_id)
LEFT JOIN naive.orders_45d USING (customer_id)
LEFT JOIN naive.orders_60d USING (customer_id)
LEFT JOIN naive.orders_90d USING (customer_id)
LEFT JOIN naive.orders_180d USING (customer_id)
LEFT JOIN naive.sessions_7d USING (customer_id)
LEFT JOIN naive.sessions_30d USING (customer_id)
LEFT JOIN naive.sessions_90d USING (customer_id)
LEFT JOIN naive.sessions_180d USING (customer_id)
LEFT JOIN naive.logins_30d USING (customer_id)
LEFT JOIN naive.logins_90d USING (customer_id)
LEFT JOIN naive.product_views_14d USING (customer_id)
LEFT JOIN naive.product_views_30d USING (customer_id)
LEFT JOIN naive.product_views_90d USING (customer_id)
LEFT JOIN naive.cart_adds_7d USING (customer_id)
LEFT JOIN naive.cart_adds_30d USING (customer_id)
LEFT JOIN naive.cart_abandons_7d USING (customer_id)
LEFT JOIN naive.cart_abandons_30d USING (customer_id)
LEFT JOIN naive.emails_sent_90d USING (customer_id)
LEFT JOIN naive.email_opens_30d USING (customer_id)
LEFT JOIN naive.email_opens_90d USING (customer_id)
LEFT JOIN naive.email_clicks_90d USING (customer_id)
LEFT JOIN naive.support_contacts_30d USING (customer_id)
LEFT JOIN naive.support_contacts_90d USING (customer_id)
LEFT JOIN naive.refunds_90d USING (customer_id)
LEFT JOIN naive.orders_lifetime USING (customer_id)
LEFT JOIN naive.orders_prev_90d USING (customer_id)
LEFT JOIN naive.sessions_prev_30d USING (customer_id)
LEFT JOIN naive.logins_prev_30d USING (customer_id)
LEFT JOIN naive.revenue_30d USING (customer_id)
LEFT JOIN naive.revenue_90d USING (customer_id)
LEFT JOIN naive.ltv_net USING (customer_id)
LEFT JOIN naive.days_since_order USING (customer_id)
LEFT JOIN naive.days_since_session USING (customer_id)
LEFT JOIN naive.days_since_login USING (customer_id)
WHERE first_seen_at < :'as_of'::timestamptz OR first_seen_at IS NULL) AS wide;
DROP TABLE IF EXISTS naive.night;
CREATE TABLE naive.night (segment smallint, customer_id bigint);
INSERT INTO naive.night SELECT 1, customer_id FROM naive.features
WHERE orders_30d >= 1 AND days_since_order <= 7;
INSERT INTO naive.night SELECT 2, customer_id FROM naive.features
WHERE orders_30d >= 1 AND days_since_order <= 14;
INSERT INTO naive.night SELECT 3, customer_id FROM naive.features
WHERE orders_30d >= 1 AND days_since_order <= 30;
INSERT INTO naive.night SELECT 4, customer_id FROM naive.features
WHERE orders_90d >= 1 AND days_since_order <= 45;
INSERT INTO naive.night SELECT 5, customer_id FROM naive.features
WHERE orders_90d >= 1 AND days_since_order <= 60;
INSERT INTO naive.night SELECT 6, customer_id FROM naive.features
WHERE orders_30d >= 2 AND days_since_order <= 7;
INSERT INTO naive.night SELECT 7, customer_id FROM naive.features
WHERE orders_30d >= 2 AND days_since_order <= 14;
INSERT INTO naive.night SELECT 8, customer_id FROM naive.features
WHERE orders_30d >= 2 AND days_since_order <= 30;
INSERT INTO naive.night SELECT 9, customer_id FROM naive.features
WHERE orders_90d >= 2 AND days_since_order <= 45;
INSERT INTO naive.night SELECT 10, customer_id FROM naive.features
WHERE orders_90d >= 2 AND days_since_order <= 60;
INSERT INTO naive.night SELECT 11, customer_id FROM naive.features
WHERE orders_30d >= 3 AND days_since_order <= 7;
INSERT INTO naive.night SELECT 12, customer_id FROM naive.features
WHERE orders_30d >= 3 AND days_since_order <= 14;
INSERT INTO naive.night SELECT 13, customer_id FROM naive.features
WHERE orders_30d >= 3 AND days_since_order <= 30;
INSERT INTO naive.night SELECT 14, customer_id FROM naive.features
WHERE orders_90d >= 3 AND days_since_order <= 45;
INSERT INTO naive.night SELECT 15, customer_id FROM naive.features
WHERE orders_90d >= 3 AND days_since_order <= 60;
INSERT INTO naive.night SELECT 16, customer_id FROM naive.features
WHERE orders_30d >= 4 AND days_since_order <= 7;
INSERT INTO naive.night SELECT 17, customer_id FROM naive.features
WHERE orders_30d >= 4 AND days_since_order <= 14;
INSERT INTO naive.night SELECT 18, customer_id FROM naive.features
WHERE orders_30d >= 4 AND days_since_order <= 30;
INSERT INTO naive.night SELECT 19, customer_id FROM naive.features
WHERE orders_90d >= 4 AND days_since_order <= 45;
INSERT INTO naive.night SELECT 20, customer_id FROM naive.features
WHERE orders_90d >= 4 AND days_since_order <= 60;
INSERT INTO naive.night SELECT 21, customer_id FROM naive.features
WHERE revenue_90d > 100 AND ltv_net > 300 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 22, customer_id FROM naive.features
WHERE revenue_90d > 100 AND ltv_net > 500 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 23, customer_id FROM naive.features
WHERE revenue_90d > 100 AND ltv_net > 800 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 24, customer_id FROM naive.features
WHERE revenue_90d > 100 AND ltv_net > 1200 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 25, customer_id FROM naive.features
WHERE revenue_90d > 100 AND ltv_net > 2000 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 26, customer_id FROM naive.features
WHERE revenue_90d > 200 AND ltv_net > 300 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 27, customer_id FROM naive.features
WHERE revenue_90d > 200 AND ltv_net > 500 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 28, customer_id FROM naive.features
WHERE revenue_90d > 200 AND ltv_net > 800 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 29, customer_id FROM naive.features
WHERE revenue_90d > 200 AND ltv_net > 1200 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 30, customer_id FROM naive.features
WHERE revenue_90d > 200 AND ltv_net > 2000 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 31, customer_id FROM naive.features
WHERE revenue_90d > 300 AND ltv_net > 300 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 32, customer_id FROM naive.features
WHERE revenue_90d > 300 AND ltv_net > 500 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 33, customer_id FROM naive.features
WHERE revenue_90d > 300 AND ltv_net > 800 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 34, customer_id FROM naive.features
WHERE revenue_90d > 300 AND ltv_net > 1200 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 35, customer_id FROM naive.features
WHERE revenue_90d > 300 AND ltv_net > 2000 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 36, customer_id FROM naive.features
WHERE revenue_90d > 450 AND ltv_net > 300 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 37, customer_id FROM naive.features
WHERE revenue_90d > 450 AND ltv_net > 500 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 38, customer_id FROM naive.features
WHERE revenue_90d > 450 AND ltv_net > 800 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 39, customer_id FROM naive.features
WHERE revenue_90d > 450 AND ltv_net > 1200 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 40, customer_id FROM naive.features
WHERE revenue_90d > 450 AND ltv_net > 2000 AND NOT (refunds_90d > 0);
INSERT INTO naive.night SELECT 41, customer_id FROM naive.features
WHERE (sessions_30d >= 2 OR product_views_30d > 2) AND orders_90d = 0;
INSERT INTO naive.night SELECT 42, customer_id FROM naive.features
WHERE (sessions_30d >= 2 OR product_views_30d > 3) AND orders_90d = 0;
INSERT INTO naive.night SELECT 43, customer_id FROM naive.features
WHERE (sessions_30d >= 2 OR product_views_30d > 4) AND orders_90d = 0;
INSERT INTO naive.night SELECT 44, customer_id FROM naive.features
WHERE (sessions_30d >= 2 OR product_views_30d > 6) AND orders_90d = 0;
INSERT INTO naive.night SELECT 45, customer_id FROM naive.features
WHERE (sessions_30d >= 2 OR product_views_30d > 8) AND orders_90d = 0;
INSERT INTO naive.night SELECT 46, customer_id FROM naive.features
WHERE (sessions_30d >= 3 OR product_views_30d > 2) AND orders_90d = 0;
INSERT INTO naive.night SELECT 47, customer_id FROM naive.features
WHERE (sessions_30d >= 3 OR product_views_30d > 3) AND orders_90d = 0;
INSERT INTO naive.night SELECT 48, customer_id FROM naive.features
WHERE (sessions_30d >= 3 OR product_views_30d > 4) AND orders_90d = 0;
INSERT INTO naive.night SELECT 49, customer_id FROM naive.features
WHERE (sessions_30d >= 3 OR product_views_30d > 6) AND orders_90d = 0;
INSERT INTO naive.night SELECT 50, customer_id FROM naive.features
WHERE (sessions_30d >= 3 OR product_views_30d > 8) AND orders_90d = 0;
INSERT INTO naive.night SELECT 51, customer_id FROM naive.features
WHERE (sessions_30d >= 4 OR product_views_30d > 2) AND orders_90d = 0;
INSERT INTO naive.night SELECT 52, customer_id FROM naive.features
WHERE (sessions_30d >= 4 OR product_views_30d > 3) AND orders_90d = 0;
INSERT INTO naive.night SELECT 53, customer_id FROM naive.features
WHERE (sessions_30d >= 4 OR product_views_30d > 4) AND orders_90d = 0;
INSERT INTO naive.night SELECT 54, customer_id FROM naive.features
WHERE (sessions_30d >= 4 OR product_views_30d > 6) AND orders_90d = 0;
INSERT INTO naive.night SELECT 55, customer_id FROM naive.features
WHERE (sessions_30d >= 4 OR product_views_30d > 8) AND orders_90d = 0;
INSERT INTO naive.night SELECT 56, customer_id FROM naive.features
WHERE (sessions_30d >= 6 OR product_views_30d > 2) AND orders_90d = 0;
INSERT INTO naive.night SELECT 57, customer_id FROM naive.features
WHERE (sessions_30d >= 6 OR product_views_30d > 3) AND orders_90d = 0;
INSERT INTO naive.night SELECT 58, customer_id FROM naive.features
WHERE (sessions_30d >= 6 OR product_views_30d > 4) AND orders_90d = 0;
INSERT INTO naive.night SELECT 59, customer_id FROM naive.features
WHERE (sessions_30d >= 6 OR product_views_30d > 6) AND orders_90d = 0;
INSERT INTO naive.night SELECT 60, customer_id FROM naive.features
WHERE (sessions_30d >= 6 OR product_views_30d > 8) AND orders_90d = 0;
INSERT INTO naive.night SELECT 61, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.25 AND days_since_session > 7;
INSERT INTO naive.night SELECT 62, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.25 AND days_since_session > 14;
INSERT INTO naive.night SELECT 63, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.25 AND days_since_session > 30;
INSERT INTO naive.night SELECT 64, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.25 AND days_since_session > 60;
INSERT INTO naive.night SELECT 65, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.25 AND days_since_session > 90;
INSERT INTO naive.night SELECT 66, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.5 AND days_since_session > 7;
INSERT INTO naive.night SELECT 67, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.5 AND days_since_session > 14;
INSERT INTO naive.night SELECT 68, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.5 AND days_since_session > 30;
INSERT INTO naive.night SELECT 69, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.5 AND days_since_session > 60;
INSERT INTO naive.night SELECT 70, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.5 AND days_since_session > 90;
INSERT INTO naive.night SELECT 71, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.6 AND days_since_session > 7;
INSERT INTO naive.night SELECT 72, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.6 AND days_since_session > 14;
INSERT INTO naive.night SELECT 73, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.6 AND days_since_session > 30;
INSERT INTO naive.night SELECT 74, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.6 AND days_since_session > 60;
INSERT INTO naive.night SELECT 75, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.6 AND days_since_session > 90;
INSERT INTO naive.night SELECT 76, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.75 AND days_since_session > 7;
INSERT INTO naive.night SELECT 77, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.75 AND days_since_session > 14;
INSERT INTO naive.night SELECT 78, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.75 AND days_since_session > 30;
INSERT INTO naive.night SELECT 79, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.75 AND days_since_session > 60;
INSERT INTO naive.night SELECT 80, customer_id FROM naive.features
WHERE email_open_rate_90d > 0.75 AND days_since_session > 90;
INSERT INTO naive.night SELECT 81, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 20;
INSERT INTO naive.night SELECT 82, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 30;
INSERT INTO naive.night SELECT 83, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 1 AND days_since_order > 45;
INSERT INTO naive.night SELECT 84, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 20;
INSERT INTO naive.night SELECT 85, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 30;
INSERT INTO naive.night SELECT 86, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 2 AND days_since_order > 45;
INSERT INTO naive.night SELECT 87, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 20;
INSERT INTO naive.night SELECT 88, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 30;
INSERT INTO naive.night SELECT 89, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 3 AND days_since_order > 45;
INSERT INTO naive.night SELECT 90, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 20;
INSERT INTO naive.night SELECT 91, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 30;
INSERT INTO naive.night SELECT 92, customer_id FROM naive.features
WHERE logins_30d = 0 AND logins_90d >= 4 AND days_since_order > 45;
INSERT INTO naive.night SELECT 93, customer_id FROM naive.features
WHERE aov_90d >= 30 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2);
INSERT INTO naive.night SELECT 94, customer_id FROM naive.features
WHERE aov_90d >= 60 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2);
INSERT INTO naive.night SELECT 95, customer_id FROM naive.features
WHERE aov_90d >= 90 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2);
INSERT INTO naive.night SELECT 96, customer_id FROM naive.features
WHERE aov_90d >= 120 AND (cart_abandons_7d >= 1 OR support_contacts_30d >= 1 OR cart_adds_7d >= 2);
INSERT INTO naive.night SELECT 97, customer_id FROM naive.features
WHERE orders_prev_90d > 1 AND orders_90d < 1 AND sessions_90d >= 1;
INSERT INTO naive.night SELECT 98, customer_id FROM naive.features
WHERE orders_prev_90d > 2 AND orders_90d < 2 AND sessions_90d >= 1;
INSERT INTO naive.night SELECT 99, customer_id FROM naive.features
WHERE orders_prev_90d > 3 AND orders_90d < 3 AND sessions_90d >= 1;
INSERT INTO naive.night SELECT 100, customer_id FROM naive.features
WHERE orders_prev_90d > 4 AND orders_90d < 4 AND sessions_90d >= 1;
BEGIN;
DELETE FROM naive.membership;
INSERT INTO naive.membership SELECT segment, customer_id FROM naive.night;
COMMIT;
