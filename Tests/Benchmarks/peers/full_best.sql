-- Every feature from nothing in the best SQL form: one scan per kind of event with FILTER and
-- literal bounds. Comes after bounds_best.sql. Written by write_definitions.py.
CREATE SCHEMA IF NOT EXISTS best;
DROP TABLE IF EXISTS best.state;
CREATE UNLOGGED TABLE best.state AS WITH
purchase AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b7') AS orders_7d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS orders_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b45') AS orders_45d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b60') AS orders_60d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS orders_90d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b180') AS orders_180d,
    count(*) AS orders_lifetime,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b180' AND occurred_at < timestamptz :'b90') AS orders_prev_90d,
    sum(amount) FILTER (WHERE occurred_at >= timestamptz :'b30') AS revenue_30d,
    sum(amount) FILTER (WHERE occurred_at >= timestamptz :'b90') AS revenue_90d,
    max(occurred_at)::date AS days_since_order_on,
    sum(amount) AS lifetime_amount
  FROM facts.events
  WHERE kind_id = 1 AND occurred_at < timestamptz :'b0'
  GROUP BY customer_id),
session AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b7') AS sessions_7d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS sessions_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS sessions_90d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b180') AS sessions_180d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b60' AND occurred_at < timestamptz :'b30') AS sessions_prev_30d,
    max(occurred_at)::date AS days_since_session_on
  FROM facts.events
  WHERE kind_id = 8 AND occurred_at < timestamptz :'b0'
  GROUP BY customer_id),
login AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS logins_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS logins_90d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b60' AND occurred_at < timestamptz :'b30') AS logins_prev_30d,
    max(occurred_at)::date AS days_since_login_on
  FROM facts.events
  WHERE kind_id = 20 AND occurred_at < timestamptz :'b0'
  GROUP BY customer_id),
product_view AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b14') AS product_views_14d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS product_views_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS product_views_90d
  FROM facts.events
  WHERE kind_id = 6 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b90'
  GROUP BY customer_id),
cart_add AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b7') AS cart_adds_7d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS cart_adds_30d
  FROM facts.events
  WHERE kind_id = 3 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b30'
  GROUP BY customer_id),
cart_abandon AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b7') AS cart_abandons_7d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS cart_abandons_30d
  FROM facts.events
  WHERE kind_id = 4 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b30'
  GROUP BY customer_id),
email_sent AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS emails_sent_90d
  FROM facts.events
  WHERE kind_id = 11 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b90'
  GROUP BY customer_id),
email_open AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS email_opens_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS email_opens_90d
  FROM facts.events
  WHERE kind_id = 12 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b90'
  GROUP BY customer_id),
email_click AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS email_clicks_90d
  FROM facts.events
  WHERE kind_id = 13 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b90'
  GROUP BY customer_id),
support_contact AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b30') AS support_contacts_30d,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS support_contacts_90d
  FROM facts.events
  WHERE kind_id = 18 AND occurred_at < timestamptz :'b0' AND occurred_at >= timestamptz :'b90'
  GROUP BY customer_id),
refund AS (
  SELECT customer_id,
    count(*) FILTER (WHERE occurred_at >= timestamptz :'b90') AS refunds_90d,
    sum(amount) AS lifetime_amount
  FROM facts.events
  WHERE kind_id = 2 AND occurred_at < timestamptz :'b0'
  GROUP BY customer_id)
SELECT c.customer_id,
  coalesce(purchase.orders_7d, 0) AS orders_7d,
  coalesce(purchase.orders_30d, 0) AS orders_30d,
  coalesce(purchase.orders_45d, 0) AS orders_45d,
  coalesce(purchase.orders_60d, 0) AS orders_60d,
  coalesce(purchase.orders_90d, 0) AS orders_90d,
  coalesce(purchase.orders_180d, 0) AS orders_180d,
  coalesce(purchase.orders_lifetime, 0) AS orders_lifetime,
  coalesce(purchase.orders_prev_90d, 0) AS orders_prev_90d,
  coalesce(purchase.revenue_30d, 0) AS revenue_30d,
  coalesce(purchase.revenue_90d, 0) AS revenue_90d,
  purchase.days_since_order_on,
  coalesce(session.sessions_7d, 0) AS sessions_7d,
  coalesce(session.sessions_30d, 0) AS sessions_30d,
  coalesce(session.sessions_90d, 0) AS sessions_90d,
  coalesce(session.sessions_180d, 0) AS sessions_180d,
  coalesce(session.sessions_prev_30d, 0) AS sessions_prev_30d,
  session.days_since_session_on,
  coalesce(login.logins_30d, 0) AS logins_30d,
  coalesce(login.logins_90d, 0) AS logins_90d,
  coalesce(login.logins_prev_30d, 0) AS logins_prev_30d,
  login.days_since_login_on,
  coalesce(product_view.product_views_14d, 0) AS product_views_14d,
  coalesce(product_view.product_views_30d, 0) AS product_views_30d,
  coalesce(product_view.product_views_90d, 0) AS product_views_90d,
  coalesce(cart_add.cart_adds_7d, 0) AS cart_adds_7d,
  coalesce(cart_add.cart_adds_30d, 0) AS cart_adds_30d,
  coalesce(cart_abandon.cart_abandons_7d, 0) AS cart_abandons_7d,
  coalesce(cart_abandon.cart_abandons_30d, 0) AS cart_abandons_30d,
  coalesce(email_sent.emails_sent_90d, 0) AS emails_sent_90d,
  coalesce(email_open.email_opens_30d, 0) AS email_opens_30d,
  coalesce(email_open.email_opens_90d, 0) AS email_opens_90d,
  coalesce(email_click.email_clicks_90d, 0) AS email_clicks_90d,
  coalesce(support_contact.support_contacts_30d, 0) AS support_contacts_30d,
  coalesce(support_contact.support_contacts_90d, 0) AS support_contacts_90d,
  coalesce(refund.refunds_90d, 0) AS refunds_90d,
  coalesce(purchase.lifetime_amount, 0) - coalesce(refund.lifetime_amount, 0) AS ltv_net
FROM facts.customers AS c
LEFT JOIN purchase USING (customer_id)
LEFT JOIN session USING (customer_id)
LEFT JOIN login USING (customer_id)
LEFT JOIN product_view USING (customer_id)
LEFT JOIN cart_add USING (customer_id)
LEFT JOIN cart_abandon USING (customer_id)
LEFT JOIN email_sent USING (customer_id)
LEFT JOIN email_open USING (customer_id)
LEFT JOIN email_click USING (customer_id)
LEFT JOIN support_contact USING (customer_id)
LEFT JOIN refund USING (customer_id)
WHERE c.first_seen_at < timestamptz :'b0' OR c.first_seen_at IS NULL;
ANALYZE best.state;
