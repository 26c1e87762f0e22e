import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

/// A deliberate mistake in the generated SQL: each place where a text stands gets another.
struct SQLFault: Sendable, CustomTestStringConvertible {
  let name: String
  let from: String
  let to: String
  var kinds: Set<String> = []
  var testDescription: String { name }

  /// Whether it can be made in the SQL of a feature.
  func applies(to feature: FeatureDefinition, _ text: String) -> Bool {
    text.contains(from) && (kinds.isEmpty || kinds.contains(Self.kind(feature)))
  }

  private static func kind(_ feature: FeatureDefinition) -> String {
    String(String(describing: feature.expression).prefix { $0 != "(" })
  }

  static let all = [
    SQLFault(
      name: "windows begin after their first instant", from: ".occurred_at >= timestamptz",
      to: ".occurred_at > timestamptz"),
    SQLFault(
      name: "windows hold their end", from: "e.occurred_at < timestamptz",
      to: "e.occurred_at <= timestamptz"),
    SQLFault(
      name: "customers of the instant itself are known", from: "c.first_seen_at < timestamptz",
      to: "c.first_seen_at <= timestamptz"),
    SQLFault(name: "terms to take away are added", from: " - co", to: " + co"),
    SQLFault(name: "rates need more than their minimum", from: "e.over >= ", to: "e.over > "),
    SQLFault(name: "growth needs more than its minimum", from: "e.y1 >= ", to: "e.y1 > "),
    SQLFault(name: "ratios need more than their minimum", from: "d.value >= ", to: "d.value > "),
    SQLFault(name: "a trend adds", from: "e.y0 - e.y1", to: "e.y0 + e.y1"),
    SQLFault(name: "a slope takes away", from: " * e.y0 + ", to: " * e.y0 - "),
    SQLFault(name: "days since count one more", from: "' - e.value", to: "' - e.value + 1"),
    SQLFault(
      name: "days since the first", from: "max(e.occurred_at)", to: "min(e.occurred_at)"),
    SQLFault(name: "days since the last", from: "min(e.occurred_at)", to: "max(e.occurred_at)"),
    SQLFault(name: "least is greatest", from: "min(e.", to: "max(e.", kinds: ["aggregate"]),
    SQLFault(name: "greatest is least", from: "max(e.", to: "min(e.", kinds: ["aggregate"]),
    SQLFault(
      name: "first is last", from: "ORDER BY e.occurred_at ASC", to: "ORDER BY e.occurred_at DESC"),
    SQLFault(
      name: "last is first", from: "ORDER BY e.occurred_at DESC", to: "ORDER BY e.occurred_at ASC"),
    SQLFault(name: "keys count again", from: "count(DISTINCT ", to: "count("),
    SQLFault(name: "the rarest key", from: "max(p.value)", to: "min(p.value)"),
    SQLFault(
      name: "steps at one instant follow", from: ".occurred_at > e", to: ".occurred_at >= e"),
    SQLFault(
      name: "steps follow at the end of the gap", from: "+ interval",
      to: "+ interval '1 us' + interval",
      kinds: ["aggregate", "funnel"]),
    SQLFault(name: "that nothing came is that something came", from: "NOT EXISTS", to: "EXISTS"),
    SQLFault(
      name: "that nothing came takes a moment more", from: "seconds' <= timestamptz",
      to: "seconds' < timestamptz"),
    SQLFault(
      name: "funnels take the nearest step", from: "max(CASE", to: "min(CASE", kinds: ["funnel"]),
    SQLFault(
      name: "bands begin above their bound", from: ".value >= ", to: ".value > ", kinds: ["band"]),
    SQLFault(name: "high ranks low", from: " ASC NULLS LAST", to: " DESC NULLS LAST"),
    SQLFault(name: "low ranks high", from: " DESC NULLS LAST", to: " ASC NULLS LAST"),
    SQLFault(name: "ranks are cut below", from: " - 1) / count(", to: " - 2) / count("),
    SQLFault(name: "formulas add", from: " - ", to: " + ", kinds: ["formula"]),
    SQLFault(name: "formulas take away", from: " + ", to: " - ", kinds: ["formula"]),
    SQLFault(name: "weights have no upper end", from: "least(greatest(", to: "greatest(greatest("),
  ]
}

/// Each bound, sign and order of the generated SQL flipped: the comparison with the engine notices.
@Suite struct FeaturesSQLFaultTests {
  private static let isLong = ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1"

  /// A history in a database, and the engine's columns at some instants of it.
  private struct Case {
    let asOf: Instant
    let table: FeatureTable
  }

  /// Midnights, and instants at which an event is, or so long before as a window or gap.
  private func instants(_ shop: RandomShop) -> [Instant] {
    let days = LocalDays(zone: shop.zone)
    var dice = Dice(seed: 5)
    var found = [60, 100, 140].map { days.end(of: shop.first + $0) }
    let events = shop.known(through: shop.first + 400)
    for hours: Int64 in Self.isLong ? [0, 0, 0, 2, 48, 48, 72, 500] : [0, 2, 48, 500] {
      let event = dice.pick(
        hours == 2 || hours == 48 ? events.filter { $0.kind == "cart_add" } : events)
      found.append(event.at + .seconds(hours * 3600))
    }
    return found
  }

  @Test func theEngineNoticesEveryFault() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    var noticed: [String: Int] = [:]
    var tried: [String: Int] = [:]
    for seed in 0..<(Self.isLong ? 6 : 2) {
      let (more, tries) = try await FeaturesShop.open(seed: 7700 + seed) { database in
        let (pool, shop) = (database.pool, database.shop)
        try await database.arrive(shop.known(through: shop.first + 400), catalogue)
        var cases: [Case] = []
        for asOf in instants(shop) {
          let table = try await database.builder.build(catalogue, asOf: asOf, saving: false).table
          cases.append(Case(asOf: asOf, table: table))
        }
        var found: [String: Int] = [:]
        var tries: [String: Int] = [:]
        for fault in SQLFault.all where Self.isLong || (noticed[fault.name] ?? 0) == 0 {
          let (count, all) = try await self.count(
            fault, catalogue, cases, shop.zone, pool, stopsEarly: !Self.isLong)
          found[fault.name] = count
          tries[fault.name] = all
        }
        return (found, tries)
      }
      noticed.merge(more, uniquingKeysWith: +)
      tried.merge(tries, uniquingKeysWith: +)
    }
    for fault in SQLFault.all {
      let (count, all) = (noticed[fault.name] ?? 0, tried[fault.name] ?? 0)
      if Self.isLong { print("SQL, \(fault.name): noticed by \(count) of \(all) cases") }
      #expect(count > 0, "\(fault.name) went unnoticed in \(all) cases")
    }
  }

  /// In how many cases (a feature at an instant) of all a fault gives other values than the engine.
  private func count(
    _ fault: SQLFault, _ catalogue: FeatureCatalogue, _ cases: [Case], _ zone: Zone,
    _ pool: ConnectionPool, stopsEarly: Bool
  ) async throws -> (noticed: Int, tried: Int) {
    var (noticed, tried) = (0, 0)
    for one in cases {
      for feature in catalogue.features {
        let text = try FeatureSQL.text(of: feature.name, in: catalogue, asOf: one.asOf, zone: zone)
        guard fault.applies(to: feature, text) else { continue }
        let broken = text.replacing(fault.from, with: fault.to)
        let sql: [Int64: NaiveOracle.Value?]
        do {
          sql = try await pool.values(ofSQL: broken, type: feature.type)
        } catch let error as WarehouseError where error.sqlState?.hasPrefix("42") == true {
          // In an operand of another type the mistake makes no statement: the server notices it.
          continue
        }
        let column = try one.table.column(named: feature.name).unscaled()
        let rows = one.table.index.ids.map { sql[$0] ?? nil }
        tried += 1
        if !column.agree(with: rows, isReal: feature.type == .real)
          || sql.count != one.table.index.count
        {
          noticed += 1
          if stopsEarly { return (noticed, tried) }
        }
      }
    }
    return (noticed, tried)
  }
}
