import Columns
import Foundation
import Schedules
import Segments
import TestSupport
import Warehouse

@testable import Models

/// Three weeks of three segments over sixty customers, published day by day, and what is true of them
/// in plain Swift.
struct AnalystsShop {
  static let customers = 60
  static let days = 21
  static let segments = ["churn_risk_high", "high_value", "loyal"]
  /// The midnight at which the first day ends: 7 January 2025, in Lisbon as in Greenwich.
  static let first = Int64(1_736_208_000)

  /// Day, then segment.
  private(set) var sets: [[String: Set<Int64>]] = []
  /// In cents.
  private(set) var net: [Int64: Int64] = [:]

  static func key(_ id: Int64) -> String {
    "C" + String(repeating: "0", count: 7 - String(id).count) + String(id)
  }

  static func asOf(_ day: Int) -> Instant { Instant(seconds: first + Int64(day) * 86_400) }
  /// As `to_jsonb` writes it in a session in Lisbon.
  static func text(_ day: Int) -> String { date(day) + "T00:00:00+00:00" }
  static func date(_ day: Int) -> String { String(asOf(day).description.prefix(10)) }
  static func country(_ id: Int64) -> String? { ["PT", "ES", "FR", nil][Int(id % 4)] }
  static func region(_ id: Int64) -> String? {
    ["north", "south", "islands", nil, "east"][Int(id % 5)]
  }

  /// Publishes the days.
  init(_ pool: ConnectionPool) async throws {
    var random = SplitMix64(seed: 20)
    let project = try await SegmentsProject(pool, customers: 0)
    let ids = (1...Int64(Self.customers)).map { $0 }
    for id in ids {
      let country = Self.country(id).map { "\"country\": \"\($0)\"" }
      let region = Self.region(id).map { "\"region\": \"\($0)\"" }
      let profile = "{" + [country, region].compactMap(\.self).joined(separator: ", ") + "}"
      try await pool.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, profile)
        VALUES (\(id), \(Self.key(id)), \(JSONText(profile)))
        """)
    }
    try await pool.execute("SELECT facts.ensure_months(ARRAY[date '2024-12-01'])")
    for id in ids where id % 6 != 0 {
      for number in 0..<Int.random(in: 1...4, using: &random) {
        // Refunds are of less than what was bought.
        let cents = number == 3 ? 500 : Int64.random(in: 1000...9999, using: &random)
        net[id, default: 0] += number == 3 ? -cents : cents
        try await pool.execute(
          """
          INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id,
            source_id, amount, currency, event_id)
          VALUES (\(id), '2024-12-05', '2024-12-06', 1, \(Int16(number == 3 ? 2 : 1)), 1,
            \(cents)::numeric / 100, 'EUR', \("\(id)-\(number)"))
          """)
      }
    }
    try await score(pool)
    var now: [String: Set<Int64>] = [:]
    for segment in Self.segments {
      now[segment] = Set(ids.filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
    }
    for day in 0..<Self.days {
      for segment in Self.segments {
        for id in ids where Int.random(in: 0..<30, using: &random) == 0 {
          now[segment]?.formSymmetricDifference([id])
        }
      }
      // From one segment into another, as many did on the tenth day, when the rule was changed.
      if day == 10 { now["loyal"]?.formUnion(ids.filter { $0 % 2 == 0 }) }
      if day == 11 { now["loyal"]?.subtract(ids.filter { $0 % 4 == 0 }) }
      sets.append(now)
      let all = Self.segments.enumerated().map { priority, name in
        let version = name == "loyal" && day >= 10 ? "v2" : "v1"
        return (
          SegmentsProject.definition(name, version: version, priority: priority + 1),
          now[name] ?? []
        )
      }
      try await project.publish(
        SegmentsProject.evaluation(Self.asOf(day), customers: ids, all), runID: Int64(day))
    }
  }

  /// A customer's score is its number over a hundred; every fifth has none.
  static func score(_ id: Int64) -> String? { id % 5 == 0 ? nil : "\(Double(Float(id) / 100))" }

  private func score(_ pool: ConnectionPool) async throws {
    let ids = (1...Int64(Self.customers)).filter { $0 % 5 != 0 }
    let payload = ScorePayload.encode(IDIndex(sorted: ids), ids.map { Float($0) / 100 })
    try await pool.withConnection { connection in
      try await connection.script(
        """
        INSERT INTO models.model (model) VALUES ('churn');
        SET session_replication_role = replica;
        INSERT INTO models.score (model, as_of, version, customers, payload, scored_at)
        VALUES ('churn', '2025-01-27', 1, 0, '', '2025-01-27');
        RESET session_replication_role;
        """)
      try await connection.execute(
        "UPDATE models.score SET customers = \(Int64(ids.count)), payload = \(payload)")
    }
  }

  func members(_ segment: String, _ day: Int) -> Set<Int64> {
    day < 0 ? [] : sets[day][segment] ?? []
  }

  /// A stay: from one day to another, nil while it lasts.
  struct Stay {
    let id: Int64
    let from: Int
    let to: Int?
  }

  /// The stays in a segment, in the order of customers and days.
  func stays(_ segment: String) -> [Stay] {
    (1...Int64(Self.customers)).flatMap { id in
      var stays: [Stay] = []
      var start: Int?
      for day in 0..<Self.days {
        let inside = members(segment, day).contains(id)
        if inside, start == nil { start = day }
        if !inside, let begun = start {
          stays.append(Stay(id: id, from: begun, to: day))
          start = nil
        }
      }
      if let start { stays.append(Stay(id: id, from: start, to: nil)) }
      return stays
    }
  }

  /// The Monday of the local day that ends at a publication, `YYYY-MM-DD`.
  static func week(_ day: Int) -> String {
    // 1970-01-01 was a Thursday.
    let number = (first / 86_400) + Int64(day) - 1
    let monday = number - (number + 3) % 7
    return String(Instant(seconds: monday * 86_400).description.prefix(10))
  }
}
