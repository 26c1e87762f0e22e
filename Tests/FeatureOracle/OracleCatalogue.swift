import Features

/// Every kind of feature that is made from events.
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
    """

  package static func catalogue() throws -> FeatureCatalogue { try FeatureCatalogue(yaml: yaml) }
}
