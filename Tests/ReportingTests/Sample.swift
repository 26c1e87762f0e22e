import Reporting
import Schedules

/// A report with something in every part.
enum Sample {
  static func instant(_ seconds: Double) -> Instant {
    // 2025-02-04T02:00:00Z
    Instant(microseconds: 1_738_634_400_000_000 + Int64(seconds * 1_000_000))
  }

  private static func attempt(_ from: Double, _ to: Double?, _ state: Outcome = .success)
    -> TaskFacts.Attempt
  {
    .init(startedAt: instant(from), finishedAt: to.map(instant), state: state)
  }

  static var tasks: [TaskFacts] {
    [
      TaskFacts(
        name: "extract", kind: "extract", state: .success,
        attempts: [attempt(0.1, 2.3, .failed), attempt(3.3, 11.9)],
        summary: "2,000,546 rows accepted from 6 sources"),
      TaskFacts(
        name: "features", kind: "build_features", state: .success, attempts: [attempt(11.9, 14.2)],
        summary: "full build, 44 features"),
      TaskFacts(
        name: "train_churn", kind: "train_model", state: .success, attempts: [attempt(14.2, 21.0)],
        summary: "AUC 0.845"),
      TaskFacts(
        name: "score_churn", kind: "score_model", state: .success, attempts: [attempt(21.0, 21.4)]),
      TaskFacts(
        name: "rules", kind: "evaluate_rules", state: .success, attempts: [attempt(21.4, 21.45)]),
      TaskFacts(
        name: "publish", kind: "publish_segments", state: .success,
        attempts: [attempt(21.45, 22.6)],
        summary: "15 segments, 41,202 memberships"),
      TaskFacts(
        name: "notify", kind: "send", state: .failed, isTolerated: true,
        attempts: [attempt(22.6, 22.9, .failed)]),
      TaskFacts(
        name: "report", kind: "write_report", state: .running, attempts: [attempt(22.9, nil)]),
    ]
  }

  static var loads: [LoadFacts] {
    [
      LoadFacts(
        source: "customers", file: "customers.csv", accepted: 20_000, rejected: 163, duplicates: 82,
        seconds: 0.31,
        reasons: [
          .init("not a date", column: "birth_date", rows: 90),
          .init("customer_present", column: "customer", rows: 73),
        ]),
      LoadFacts(
        source: "orders", file: "orders.csv", accepted: 76_800, rejected: 953, duplicates: 524,
        warned: 12, seconds: 0.92,
        reasons: [
          .init("customer_present", column: "customer_id", rows: 483),
          .init("priced <& \"quoted\">", rows: 12, isWarning: true),
        ],
        totals: [
          .init(
            name: "revenue", accepted: "3128460.1200", rejected: "-12300.5000",
            all: "3117412.1200")
        ],
        watermark: instant(-8000)),
      LoadFacts(source: "web", file: "web.ndjson", isUnchanged: true),
    ]
  }

  static var model: ModelFacts {
    let bins = [0.04, 0.13, 0.24, 0.36, 0.45, 0.56, 0.65, 0.74, 0.86, 0.94]
    let rows = [310, 2900, 3050, 1800, 700, 420, 380, 520, 900, 1070]
    return ModelFacts(
      name: "churn", version: 3, learner: "gradient_boosting", isNew: true, isChampion: true,
      trainedAt: instant(21), trainedAsOf: instant(-7200), trainingRows: 44_410, testRows: 12_050,
      testRate: 0.39, auc: 0.8449, logLoss: 0.4512, brier: 0.1443,
      previous: .init(version: 2, auc: 0.8391, logLoss: 0.4603), bestRound: 71,
      curve: (0..<97).map { round in
        let x = Double(round)
        return .init(
          round: round, training: 0.36 + 0.3 / (1 + x / 9),
          validation: 0.44 + 0.23 / (1 + x / 8) + (round > 71 ? (x - 71) * 0.0006 : 0))
      },
      calibration: bins.enumerated().map { index, value in
        .init(
          low: Double(index) / 10, high: Double(index + 1) / 10, rows: rows[index],
          predicted: value, observed: value + [0.01, -0.02, 0.015, 0.02, -0.03][index % 5])
      },
      importance: [
        .init("days_since_session", 0.357), .init("sessions_90d", 0.108),
        .init("product_views_90d", 0.085), .init("sessions_30d", 0.06),
        .init("orders_180d", 0.058), .init("sessions_prev_30d", 0.025), .init("LTV & co", 0.016),
      ],
      scored: 12_468)
  }

  private static let catalogue: [(String, String, Int, Int, Int)] = [
    ("high_value", "High-Value Customers", 1852, 12, 9),
    ("loyal", "Loyal Customers", 488, 31, 40),
    ("engaged_buyers", "Engaged Buyers", 752, 40, 38),
    ("at_risk", "At-Risk Customers", 1648, 61, 22),
    ("no_purchase_30d", "No Purchase in 30 Days", 6720, 208, 190),
    ("churn_risk_high", "Churn Risk High", 2801, 77, 12),
    ("churn_risk_medium", "Churn Risk Medium", 1404, 120, 133),
    ("churn_risk_low", "Churn Risk Low", 8263, 101, 140),
    ("email_engaged", "E-mail Engaged", 1432, 0, 0),
    ("browsers", "Engaged Browsers", 1418, 55, 61),
    ("cart_abandoners", "Cart Abandoners", 688, 98, 104),
    ("new_customers", "New Customers", 612, 20, 17),
    ("odd", "A <b>very</b> long title & \"quotes\" that hardly fits", 0, 0, 3),
  ]

  static var segments: [SegmentFacts] {
    catalogue.map { name, title, members, entered, left in
      SegmentFacts(
        name: name, title: title, members: members, population: 20_000, entered: entered,
        left: left,
        causes: entered + left == 0
          ? []
          : [
            .init("event", entered: entered, left: left / 3),
            .init("time", entered: 0, left: left - left / 3),
          ])
    }
  }

  static var sizes: SizeHistory {
    let days = (0..<30).map { Day(number: 20_122 - 29) + $0 }
    return SizeHistory(
      days: days,
      series: catalogue.enumerated().map { index, entry in
        .init(
          segment: entry.0,
          members: (0..<30).map { day in
            if index == 3 && (10...13).contains(day) { return nil }
            if index == 8 { return entry.2 }
            let wave = (day * (index + 3) * 7919 % 23) - 11
            return max(0, entry.2 + wave * entry.2 / 150 - (29 - day) * entry.2 / (60 + index * 9))
          })
      })
  }

  static var report: RunReport {
    RunReport(
      project: "retail",
      run: RunFacts(
        id: 12, dag: "nightly_segments",
        intervalStart: Instant(microseconds: 1_738_540_800_000_000),
        intervalEnd: Instant(microseconds: 1_738_627_200_000_000), zone: "Europe/Lisbon",
        state: .running, startedAt: instant(0), cause: "manual"),
      tasks: tasks, loads: loads,
      features: FeatureFacts(
        customers: 20_000, features: 44, mode: "full build", tileRows: 612_340, seconds: 2.3),
      models: [model], segments: segments, sizes: sizes,
      warnings: [
        Notice(
          "1.9 % of the rows of web were rejected, mostly for want of a customer",
          hint: "strata rejects list web", task: "extract")
      ],
      failures: [
        Notice(
          "expected an answer from the hook within 5 s, found none", hint: "is the address right?",
          task: "notify", code: "activation.timeout")
      ],
      nextSteps: [
        NextStep("strata segments list", "all segments with their sizes"),
        NextStep("strata segments explain C0000042", "why a customer is where it is"),
        NextStep("strata db psql", "the tables themselves"),
      ])
  }

  /// A run of which nothing is known but that it began.
  static var empty: RunReport {
    RunReport(
      project: "retail",
      run: RunFacts(
        id: 1, dag: "nightly_segments", intervalStart: instant(-86_400), intervalEnd: instant(0),
        zone: "Nowhere/Land", state: .failed, startedAt: instant(0)))
  }
}
