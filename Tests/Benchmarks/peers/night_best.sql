-- The night in the best SQL form: add the new day and subtract the expired ones with literal
-- bounds, from best.state of the day before. Comes after bounds_best.sql and before
-- publish_best.sql. Written by write_definitions.py.
CREATE UNLOGGED TABLE best.state_next AS WITH touched AS (
  SELECT customer_id, kind_id, amount, occurred_at, 0 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a0' AND occurred_at < timestamptz :'b0'
    AND kind_id IN (1, 2, 3, 4, 6, 8, 11, 12, 13, 18, 20)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 7 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a7' AND occurred_at < timestamptz :'b7'
    AND kind_id IN (1, 3, 4, 8)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 14 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a14' AND occurred_at < timestamptz :'b14'
    AND kind_id IN (6)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 30 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a30' AND occurred_at < timestamptz :'b30'
    AND kind_id IN (1, 3, 4, 6, 8, 12, 18, 20)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 45 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a45' AND occurred_at < timestamptz :'b45'
    AND kind_id IN (1)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 60 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a60' AND occurred_at < timestamptz :'b60'
    AND kind_id IN (1, 8, 20)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 90 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a90' AND occurred_at < timestamptz :'b90'
    AND kind_id IN (1, 2, 6, 8, 11, 12, 13, 18, 20)
  UNION ALL
  SELECT customer_id, kind_id, amount, occurred_at, 180 AS lag FROM facts.events
  WHERE occurred_at >= timestamptz :'a180' AND occurred_at < timestamptz :'b180'
    AND kind_id IN (1, 8)
), delta AS (SELECT customer_id,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 7) AS orders_7d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 30) AS orders_30d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 45) AS orders_45d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 60) AS orders_60d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 90) AS orders_90d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) - count(*) FILTER (WHERE kind_id = 1 AND lag = 180) AS orders_180d,
  count(*) FILTER (WHERE kind_id = 8 AND lag = 0) - count(*) FILTER (WHERE kind_id = 8 AND lag = 7) AS sessions_7d,
  count(*) FILTER (WHERE kind_id = 8 AND lag = 0) - count(*) FILTER (WHERE kind_id = 8 AND lag = 30) AS sessions_30d,
  count(*) FILTER (WHERE kind_id = 8 AND lag = 0) - count(*) FILTER (WHERE kind_id = 8 AND lag = 90) AS sessions_90d,
  count(*) FILTER (WHERE kind_id = 8 AND lag = 0) - count(*) FILTER (WHERE kind_id = 8 AND lag = 180) AS sessions_180d,
  count(*) FILTER (WHERE kind_id = 20 AND lag = 0) - count(*) FILTER (WHERE kind_id = 20 AND lag = 30) AS logins_30d,
  count(*) FILTER (WHERE kind_id = 20 AND lag = 0) - count(*) FILTER (WHERE kind_id = 20 AND lag = 90) AS logins_90d,
  count(*) FILTER (WHERE kind_id = 6 AND lag = 0) - count(*) FILTER (WHERE kind_id = 6 AND lag = 14) AS product_views_14d,
  count(*) FILTER (WHERE kind_id = 6 AND lag = 0) - count(*) FILTER (WHERE kind_id = 6 AND lag = 30) AS product_views_30d,
  count(*) FILTER (WHERE kind_id = 6 AND lag = 0) - count(*) FILTER (WHERE kind_id = 6 AND lag = 90) AS product_views_90d,
  count(*) FILTER (WHERE kind_id = 3 AND lag = 0) - count(*) FILTER (WHERE kind_id = 3 AND lag = 7) AS cart_adds_7d,
  count(*) FILTER (WHERE kind_id = 3 AND lag = 0) - count(*) FILTER (WHERE kind_id = 3 AND lag = 30) AS cart_adds_30d,
  count(*) FILTER (WHERE kind_id = 4 AND lag = 0) - count(*) FILTER (WHERE kind_id = 4 AND lag = 7) AS cart_abandons_7d,
  count(*) FILTER (WHERE kind_id = 4 AND lag = 0) - count(*) FILTER (WHERE kind_id = 4 AND lag = 30) AS cart_abandons_30d,
  count(*) FILTER (WHERE kind_id = 11 AND lag = 0) - count(*) FILTER (WHERE kind_id = 11 AND lag = 90) AS emails_sent_90d,
  count(*) FILTER (WHERE kind_id = 12 AND lag = 0) - count(*) FILTER (WHERE kind_id = 12 AND lag = 30) AS email_opens_30d,
  count(*) FILTER (WHERE kind_id = 12 AND lag = 0) - count(*) FILTER (WHERE kind_id = 12 AND lag = 90) AS email_opens_90d,
  count(*) FILTER (WHERE kind_id = 13 AND lag = 0) - count(*) FILTER (WHERE kind_id = 13 AND lag = 90) AS email_clicks_90d,
  count(*) FILTER (WHERE kind_id = 18 AND lag = 0) - count(*) FILTER (WHERE kind_id = 18 AND lag = 30) AS support_contacts_30d,
  count(*) FILTER (WHERE kind_id = 18 AND lag = 0) - count(*) FILTER (WHERE kind_id = 18 AND lag = 90) AS support_contacts_90d,
  count(*) FILTER (WHERE kind_id = 2 AND lag = 0) - count(*) FILTER (WHERE kind_id = 2 AND lag = 90) AS refunds_90d,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 0) AS orders_lifetime,
  count(*) FILTER (WHERE kind_id = 1 AND lag = 90) - count(*) FILTER (WHERE kind_id = 1 AND lag = 180) AS orders_prev_90d,
  count(*) FILTER (WHERE kind_id = 8 AND lag = 30) - count(*) FILTER (WHERE kind_id = 8 AND lag = 60) AS sessions_prev_30d,
  count(*) FILTER (WHERE kind_id = 20 AND lag = 30) - count(*) FILTER (WHERE kind_id = 20 AND lag = 60) AS logins_prev_30d,
  coalesce(sum(amount) FILTER (WHERE kind_id = 1 AND lag = 0), 0) - coalesce(sum(amount) FILTER (WHERE kind_id = 1 AND lag = 30), 0) AS revenue_30d,
  coalesce(sum(amount) FILTER (WHERE kind_id = 1 AND lag = 0), 0) - coalesce(sum(amount) FILTER (WHERE kind_id = 1 AND lag = 90), 0) AS revenue_90d,
  coalesce(sum(amount) FILTER (WHERE kind_id = 1 AND lag = 0), 0) - coalesce(sum(amount) FILTER (WHERE kind_id = 2 AND lag = 0), 0) AS ltv_net,
  max(occurred_at) FILTER (WHERE kind_id = 1 AND lag = 0)::date AS days_since_order_on,
  max(occurred_at) FILTER (WHERE kind_id = 8 AND lag = 0)::date AS days_since_session_on,
  max(occurred_at) FILTER (WHERE kind_id = 20 AND lag = 0)::date AS days_since_login_on
FROM touched GROUP BY customer_id)
SELECT customer_id,
  coalesce(s.orders_7d, 0) + coalesce(d.orders_7d, 0) AS orders_7d,
  coalesce(s.orders_30d, 0) + coalesce(d.orders_30d, 0) AS orders_30d,
  coalesce(s.orders_45d, 0) + coalesce(d.orders_45d, 0) AS orders_45d,
  coalesce(s.orders_60d, 0) + coalesce(d.orders_60d, 0) AS orders_60d,
  coalesce(s.orders_90d, 0) + coalesce(d.orders_90d, 0) AS orders_90d,
  coalesce(s.orders_180d, 0) + coalesce(d.orders_180d, 0) AS orders_180d,
  coalesce(s.sessions_7d, 0) + coalesce(d.sessions_7d, 0) AS sessions_7d,
  coalesce(s.sessions_30d, 0) + coalesce(d.sessions_30d, 0) AS sessions_30d,
  coalesce(s.sessions_90d, 0) + coalesce(d.sessions_90d, 0) AS sessions_90d,
  coalesce(s.sessions_180d, 0) + coalesce(d.sessions_180d, 0) AS sessions_180d,
  coalesce(s.logins_30d, 0) + coalesce(d.logins_30d, 0) AS logins_30d,
  coalesce(s.logins_90d, 0) + coalesce(d.logins_90d, 0) AS logins_90d,
  coalesce(s.product_views_14d, 0) + coalesce(d.product_views_14d, 0) AS product_views_14d,
  coalesce(s.product_views_30d, 0) + coalesce(d.product_views_30d, 0) AS product_views_30d,
  coalesce(s.product_views_90d, 0) + coalesce(d.product_views_90d, 0) AS product_views_90d,
  coalesce(s.cart_adds_7d, 0) + coalesce(d.cart_adds_7d, 0) AS cart_adds_7d,
  coalesce(s.cart_adds_30d, 0) + coalesce(d.cart_adds_30d, 0) AS cart_adds_30d,
  coalesce(s.cart_abandons_7d, 0) + coalesce(d.cart_abandons_7d, 0) AS cart_abandons_7d,
  coalesce(s.cart_abandons_30d, 0) + coalesce(d.cart_abandons_30d, 0) AS cart_abandons_30d,
  coalesce(s.emails_sent_90d, 0) + coalesce(d.emails_sent_90d, 0) AS emails_sent_90d,
  coalesce(s.email_opens_30d, 0) + coalesce(d.email_opens_30d, 0) AS email_opens_30d,
  coalesce(s.email_opens_90d, 0) + coalesce(d.email_opens_90d, 0) AS email_opens_90d,
  coalesce(s.email_clicks_90d, 0) + coalesce(d.email_clicks_90d, 0) AS email_clicks_90d,
  coalesce(s.support_contacts_30d, 0) + coalesce(d.support_contacts_30d, 0) AS support_contacts_30d,
  coalesce(s.support_contacts_90d, 0) + coalesce(d.support_contacts_90d, 0) AS support_contacts_90d,
  coalesce(s.refunds_90d, 0) + coalesce(d.refunds_90d, 0) AS refunds_90d,
  coalesce(s.orders_lifetime, 0) + coalesce(d.orders_lifetime, 0) AS orders_lifetime,
  coalesce(s.orders_prev_90d, 0) + coalesce(d.orders_prev_90d, 0) AS orders_prev_90d,
  coalesce(s.sessions_prev_30d, 0) + coalesce(d.sessions_prev_30d, 0) AS sessions_prev_30d,
  coalesce(s.logins_prev_30d, 0) + coalesce(d.logins_prev_30d, 0) AS logins_prev_30d,
  coalesce(s.revenue_30d, 0) + coalesce(d.revenue_30d, 0) AS revenue_30d,
  coalesce(s.revenue_90d, 0) + coalesce(d.revenue_90d, 0) AS revenue_90d,
  coalesce(s.ltv_net, 0) + coalesce(d.ltv_net, 0) AS ltv_net,
  coalesce(d.days_since_order_on, s.days_since_order_on) AS days_since_order_on,
  coalesce(d.days_since_session_on, s.days_since_session_on) AS days_since_session_on,
  coalesce(d.days_since_login_on, s.days_since_login_on) AS days_since_login_on
FROM best.state AS s FULL JOIN delta AS d USING (customer_id);
DROP TABLE best.state;
ALTER TABLE best.state_next RENAME TO state;
