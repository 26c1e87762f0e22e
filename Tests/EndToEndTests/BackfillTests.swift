import Foundation
import TestSupport
import Testing
import Warehouse

/// Backfills whose tasks serve all days in one go, through the binary, against single nights.
@Suite("Backfills in one go", .timeLimit(.minutes(30)))
struct BackfillTests {
  private struct Shown: Decodable {
    struct Record: Decodable {
      let isBatch: Bool
      let state: String
    }
    let backfill: Record
  }

  @Test("thirty days in one go leave behind what thirty nights do, to the last row")
  func thirtyDays() async throws {
    let days = Self.days(30)
    let project = try Self.projectWithPast()
    defer { try? FileManager.default.removeItem(atPath: project) }
    let nights = try await Shop.open(customers: Self.customers, project: project) { shop in
      for day in days {
        let night = try await shop.night(day)
        #expect(night.code == 0, "\(day): \(night.error)")
      }
      return try await Self.contents(shop.pool)
    }
    let backfill = try await Shop.open(customers: Self.customers, project: project) { shop in
      let outcome = try await Self.backfill(shop, days)
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(
        try await shop.count(
          "SELECT count(*) FROM segments.history WHERE segment IN ('warm', 'cooling')") > 0)
      let shown = try await shop("backfill", "show", "1", "--json").json(Shown.self)
      #expect(shown.backfill.isBatch && shown.backfill.state == "finished")
      return try await Self.contents(shop.pool)
    }
    Self.compare(backfill, nights)
    for (name, rows) in nights { #expect(!rows.isEmpty, "\(name) tells nothing") }
  }

  @Test("ninety days, killed at a random day of each task, go on where they were")
  func killedInEveryTask() async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var dice = SplitMix64(seed: seed)
    func number(_ most: Int) -> Int { Int.random(in: 1...most, using: &dice) }
    let days = Self.days(90)
    let whole = try await Shop.open(customers: Self.customers) { shop in
      let outcome = try await Self.backfill(shop, days)
      #expect(outcome.code == 0, "\(outcome.error)")
      return try await Self.contents(shop.pool)
    }
    var points = [
      "extract", "build_features", "train_model", "score_model", "evaluate_rules",
    ].map { "batch.\($0)@\(number(80))" }
    // What is left of ninety days is one publication.
    points += [
      "publish.after_copy", "publish.before_commit", "publish.after_commit",
      "batch.write_report@\(number(60))",
    ]
    let told = "seed \(seed): \(points.joined(separator: ", "))"
    let killed = try await Shop.open(customers: Self.customers) { shop in
      for (number, point) in points.enumerated() {
        let environment = ["STRATA_CRASH_POINT": point]
        let outcome =
          number == 0
          ? try await Self.backfill(shop, days, environment)
          : try await shop("backfill", "resume", "1", environment: environment)
        #expect(
          outcome.code == nil, "\(told): expected an end by a signal at \(point), \(outcome.error)")
      }
      let outcome = try await shop("backfill", "resume", "1")
      #expect(outcome.code == 0, "\(told): \(outcome.error)")
      let doubled = try await shop.count(
        """
        SELECT count(*) FROM (
          SELECT FROM segments.transitions GROUP BY as_of, customer_id, segment HAVING count(*) > 1
        ) AS doubled
        """)
      #expect(doubled == 0)
      return try await Self.contents(shop.pool)
    }
    Self.compare(killed, whole, told)
  }

  @Test("days before the live one, and those after it, end in what the nights do")
  func earlierDays() async throws {
    let days = Self.days(6)
    let nights = try await Shop.open { shop in
      for day in days { #expect(try await shop.night(day).code == 0) }
      return try await Self.belief(shop.pool)
    }
    let mixed = try await Shop.open { shop in
      #expect(try await shop.night(days[3]).code == 0)
      let outcome = try await Self.backfill(shop, days)
      #expect(outcome.code == 0, "\(outcome.error)")
      let states = try await shop.pool.query(
        "SELECT i.outcome::text AS outcome FROM runs.backfill_interval AS i ORDER BY interval_start"
      ).map { try $0.get("outcome", as: String.self) }
      #expect(states == ["success", "success", "success", "skipped", "success", "success"])
      return try await Self.belief(shop.pool)
    }
    #expect(mixed == nights)
    #expect(nights.count > 100)
  }

  /// What is believed of who was in what, and why.
  private static func belief(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT concat_ws('|', customer_key, segment, valid_from, valid_to) FROM segments.history
      UNION ALL SELECT concat_ws('|', as_of, segment, members, entered, "left")
        FROM segments.daily_size
      ORDER BY 1
      """
    ).map { try $0.get(0, as: String.self) }
  }

  // MARK: The shop

  /// A copy of the demo project whose rules also ask who was a member before.
  private static func projectWithPast() throws -> String {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-past-\(UUID().uuidString)")
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("dags/retail"), to: folder)
    let file = folder.appendingPathComponent("segments.yaml")
    let rules = try String(contentsOf: file, encoding: .utf8)
    try
      (rules + """

          - name: warm
            rule:
              score:
                - {when: orders_45d >= 1, weight: 3}
                - {when: product_views_14d > 3, weight: 2}
                - {when: days_since_session > 21, weight: -2}
              threshold: 4
              leave_below: 2
          - name: cooling
            rule: {all: [was_member_of warm within 30 days, not_member_of warm]}

        """).write(to: file, atomically: true, encoding: .utf8)
    return folder.path
  }

  /// Enough for a model on the later days.
  private static let customers = 900

  /// The last days of the generated shop.
  private static func days(_ count: Int) -> [String] {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withFullDate]
    guard let last = formatter.date(from: Shop.lastDay) else { return [] }
    return (0..<count).reversed().map {
      formatter.string(from: last.addingTimeInterval(-86_400 * Double($0)))
    }
  }

  private static func backfill(
    _ shop: Shop, _ days: [String], _ environment: [String: String] = [:]
  ) async throws -> Binary.Outcome {
    try await shop(
      "backfill", "nightly_segments", "--from", days[0], "--to", days[days.count - 1],
      environment: environment)
  }

  /// What a shop knows afterwards, without the numbers of runs and the times of day.
  private static func contents(_ pool: ConnectionPool) async throws -> [String: [String]] {
    let queries: [(String, SQL)] = [
      (
        "membership",
        """
        SELECT concat_ws(' ', customer_key, segment, since, cause, rule_version) AS row
        FROM segments.membership ORDER BY 1
        """
      ),
      (
        "history",
        """
        SELECT concat_ws(' ', customer_key, segment, valid_from, valid_to, entered_cause,
          left_cause, rule_version) AS row
        FROM segments.history ORDER BY 1
        """
      ),
      (
        "transitions",
        """
        SELECT concat_ws(' ', as_of, customer_key, segment, transition, cause, rule_version) AS row
        FROM segments.transitions ORDER BY 1
        """
      ),
      (
        "sizes",
        """
        SELECT concat_ws(' ', as_of, segment, members, entered, "left") AS row
        FROM segments.daily_size ORDER BY 1
        """
      ),
      (
        "publications",
        "SELECT concat_ws(' ', publication_id, as_of) AS row FROM segments.publication ORDER BY 1"
      ),
      (
        "features",
        """
        SELECT concat_ws(' ', s.day, c.slot, md5(s.ids), md5(c.bytes)) AS row
        FROM features.state AS s JOIN features.state_column AS c USING (state_id)
        WHERE s.day = (SELECT max(day) FROM features.state) ORDER BY 1
        """
      ),
      (
        "scores",
        """
        SELECT concat_ws(' ', s.as_of, s.version, md5(s.payload)) AS row
        FROM models.score AS s ORDER BY 1
        """
      ),
      (
        "reports",
        """
        SELECT concat_ws(' ', as_of, state, report -> 'segments') AS row
        FROM reports.run_report ORDER BY 1
        """
      ),
    ]
    var contents: [String: [String]] = [:]
    for (name, sql) in queries {
      contents[name] = try await pool.query(sql).map { try $0.get("row", as: String.self) }
    }
    return contents
  }

  private static func compare(
    _ found: [String: [String]], _ expected: [String: [String]], _ told: String = ""
  ) {
    for (name, rows) in expected {
      let other = found[name] ?? []
      let first = zip(rows, other).first { $0 != $1 }
      #expect(
        other == rows,
        """
        \(told) \(name): expected \(rows.count) rows, found \(other.count); the first that differ: \
        \(first.map { "\($0.0) | \($0.1)" } ?? "none")
        """)
    }
  }
}
