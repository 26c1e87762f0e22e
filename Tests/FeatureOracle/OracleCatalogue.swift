import Features

/// Every kind of feature that is made from events, over every kind of window.
package enum OracleCatalogue {
  package static let yaml = """
    version: 1
    features:
      - {name: orders_1d, count: purchase, window: 1 day}
      - {name: orders_7d, count: purchase, window: 7 days}
      - {name: orders_30d, count: purchase, window: 30 days}
      - {name: orders_prev_30d, count: purchase, window: 30 days, previous: 1}
      - {name: orders_back_3w, count: purchase, window: 3 weeks, previous: 2}
      - {name: orders_1m, count: purchase, window: 1 month}
      - {name: orders_prev_1m, count: purchase, window: 1 month, previous: 1}
      - {name: orders, count: purchase, window: lifetime}
      - {name: views_14d, count: [product_view, page_view], window: 14 days}
      - {name: net_count_60d, count: purchase, minus: refund, window: 60 days}
      - {name: revenue_90d, sum: purchase.amount, window: 90 days}
      - {name: pieces_30d, sum: [purchase.quantity, refund.quantity], window: 30 days}
      - {name: ltv_net, sum: purchase.amount, minus: refund.amount, window: lifetime}
      - {name: days_since_order, recency: purchase}
      - {name: days_since_mail, recency: [email_sent, email_open]}
      - {name: aov_30d, ratio: revenue_30d, to: orders_30d, kind: money}
      - {name: revenue_30d, sum: purchase.amount, window: 30 days}
      - {name: sent_60d, count: email_sent, window: 60 days}
      - {name: opened_60d, count: email_open, window: 60 days}
      - {name: open_rate_60d, ratio: opened_60d, to: sent_60d, min_denominator: 2}
      - {name: pieces_per_money, ratio: pieces_30d, to: revenue_30d, min_denominator: 12.5}
      # Conditions
      - {name: big_orders, count: purchase, where: amount > 100 and quantity is present, window: 45 days}
      - {name: web_money, sum: purchase.amount, where: properties.channel = web, window: lifetime}
      - {name: not_web, count: purchase, where: "not properties.channel in [web, shop]", window: 60 days}
      - {name: some_items, count: [product_view, cart_add], window: 60 days, where: "item in ['A1', 'b''3'] or item = ü"}
      - {name: dwell_30d, sum: page_view.properties.seconds, window: 30 days}
      - {name: dwell_promo, sum: page_view.properties.seconds, where: properties.promo = true, window: 90 days}
      - {name: long_views, count: page_view, where: "not (properties.seconds < 100)", window: 60 days}
      # Averages, rates, trends
      - {name: avg_order_60d, avg: purchase.amount, window: 60 days}
      - {name: avg_pieces, avg: purchase.quantity, window: lifetime, where: item is present}
      - {name: refund_rate, rate: refund, of: purchase, window: 90 days, min_denominator: 2}
      - {name: orders_trend, trend: purchase, window: 30 days}
      - {name: revenue_trend, trend: purchase.amount, window: 1 month}
      - {name: views_growth, trend: [product_view, page_view], window: 3 weeks, as: ratio, min_denominator: 2}
      - {name: views_slope, trend: product_view, window: 1 week, as: slope, periods: 6}
      - {name: money_slope, trend: purchase.amount, window: 20 days, as: slope, periods: 3}
      # Rings
      - {name: min_order_60d, min: purchase.amount, window: 60 days}
      - {name: max_order_90d, max: purchase.amount, window: 90 days}
      - {name: max_order_prev, max: purchase.amount, window: 2 months, previous: 1}
      - {name: max_order, max: purchase.amount, window: lifetime}
      - {name: min_dwell, min: page_view.properties.seconds, window: 45 days}
      - {name: first_order_60d, first: purchase.amount, window: 60 days}
      - {name: first_order, first: purchase.amount, window: lifetime}
      - {name: last_order_30d, last: purchase.amount, window: 30 days}
      - {name: last_pieces, last: purchase.quantity, window: lifetime, where: amount > 20}
      - {name: items_60d, distinct: product_view.item, window: 60 days}
      - {name: items_prev_60d, distinct: product_view.item, window: 60 days, previous: 1}
      - {name: items, distinct: [product_view.item, cart_add.item], window: lifetime}
      - {name: channels, distinct: page_view.properties.channel, window: 90 days}
      - {name: most_viewed_60d, most_of_one: product_view.item, window: 60 days}
      - {name: most_viewed, most_of_one: product_view.item, window: lifetime, where: properties.promo is missing}
      - {name: active_30d, days_active: [product_view, page_view], window: 30 days}
      - {name: active_2m, days_active: purchase, window: 2 months}
      - {name: active, days_active: page_view, window: lifetime}
      # Hours and minutes
      - {name: views_24h, count: [product_view, page_view], window: 24 hours}
      - {name: views_72h, count: [product_view, page_view, cart_add, email_sent], window: 72 hours}
      - {name: events_prev_48h, count: [product_view, page_view, purchase, email_open], window: 48 hours, previous: 1}
      - {name: money_600h, sum: purchase.amount, minus: refund.amount, window: 600 hours}
      - {name: views_90min, count: [product_view, page_view, cart_add, purchase], window: 5000 minutes}
      - {name: max_order_500h, max: purchase.amount, window: 500 hours}
      - {name: items_300h, distinct: product_view.item, window: 300 hours}
      - {name: most_500h, most_of_one: page_view.item, window: 500 hours}
      - {name: active_200h, days_active: [product_view, page_view], window: 200 hours}
      - {name: avg_400h, avg: purchase.amount, window: 400 hours}
      - {name: views_trend_72h, trend: [product_view, page_view, cart_add], window: 72 hours}
      - {name: last_order_400h, last: purchase.amount, window: 400 hours}
      # Since
      - {name: days_since_first, since_first: purchase}
      - {name: days_since_big, recency: purchase, where: amount >= 100}
      # Sequences
      - name: view_then_cart
        sequence: [product_view, {event: cart_add, within: 48 hours}]
        same: item
        window: 90 days
      - name: view_cart_buy
        sequence: [[product_view, page_view], {event: cart_add, within: 72 hours}, {event: [purchase, refund], where: amount > 1, within: 12 days}]
        window: lifetime
      - name: cart_left
        sequence: [cart_add, {not: purchase, within: 48 hours}]
        window: 30 days
      - name: cart_left_500h
        sequence: [cart_add, {not: purchase, within: 2 hours}]
        window: 500 hours
      - name: quick_views
        sequence: [{event: [page_view, product_view], where: item is present}, {event: [product_view, page_view, cart_add], within: 10 minutes}]
        window: 120 days
      - name: view_then_view_800h
        sequence: [product_view, {event: [product_view, page_view], within: 1 day}]
        window: 800 hours
      - name: buy_funnel
        funnel: [product_view, {event: cart_add, within: 3 days}, {event: purchase, within: 3 days}]
        window: 90 days
      # Features of features
      - {name: frequency_band, band: orders_30d, bands: {none: 0, low: 1, high: 2}}
      - {name: recency_band, band: days_since_order, bands: {recent: 0, dormant: 14, lapsed: 40}, missing: never}
      - {name: growth_band, band: views_growth, bands: {shrinking: -1, steady: 0.9, growing: 1.1}}
      - {name: frequency_rank, rank: orders}
      - {name: recency_rank, rank: days_since_order, bins: 4, best: low}
      - {name: aov_rank, rank: avg_order_60d, bins: 3}
      - {name: rfm, rfm: {recency: days_since_order, frequency: orders, monetary: ltv_net}}
      - name: engagement
        weighted: [{feature: views_14d, weight: 3, full: 4}, {feature: active_30d, full: 5}, {feature: days_since_order, weight: 0.5, full: 30}]
      - {name: net_per_order, formula: ltv_net / orders}
      - {name: mixed, formula: "2 * orders_30d - orders_7d + coalesce(days_since_order / days_since_first * orders_30d, -3)"}
      - {name: exact_mix, formula: "abs(ltv_net) - 3 * max(revenue_30d, revenue_90d, 12.5)"}
      - {name: of_ranks, formula: "frequency_rank + min(recency_rank, 3)"}
      - {name: money_squared, formula: "(revenue_30d / (sent_60d + 1)) * 1.5"}
    """

  package static func catalogue() throws -> FeatureCatalogue { try FeatureCatalogue(yaml: yaml) }
}
