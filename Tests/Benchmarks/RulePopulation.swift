import Columns
import Foundation
import Rules
import TestSupport

/// Customers with the columns that rules read, and rules over them: the same for every side, from
/// seeds.
struct RulePopulation {
  /// A column: how rules compare it, and what peers hold.
  private struct Attributed {
    let name: String
    let unit: Attribute.Unit
    /// What rules compare it with: as in segments.yaml, and as the peers' columns have it.
    let tests: [(rule: String, sql: String)]
  }

  let count: Int
  private var columns: [String: Column] = [:]
  private var attributed: [Attributed] = []
  private static let countries = ["PT", "ES", "FR", "DE", "BR", "GB", "IT", "NL"]
  private static let bands = ["low", "middle", "high", "top"]

  /// Draws customers.
  init(count: Int) {
    self.count = count
    var random = SplitMix64(seed: 500)
    for name in ["orders_30d", "orders_90d", "cart_adds_7d", "refunds_90d", "support_30d"] {
      // Most do little.
      addNumbers(name, .count, scale: 0, nulls: 0, [1, 2, 3, 4, 6], [">=", "="], &random) {
        let drawn = Int64.random(in: 0..<1000, using: &$0)
        return drawn < 500 ? 0 : (drawn - 500) * (drawn - 500) / 25_000
      }
    }
    for name in ["sessions_30d", "views_14d", "logins_30d"] {
      addNumbers(
        name, .count, scale: 0, nulls: 0, [0, 1, 2, 4, 7, 11, 16, 24], [">", "<="], &random
      ) { Int64.random(in: 0..<40, using: &$0) }
    }
    for name in ["revenue_90d", "ltv", "aov_90d"] {
      addNumbers(
        name, .money, scale: 4, nulls: name == "aov_90d" ? 40 : 0,
        [20, 50, 100, 200, 350, 500, 900, 1500], [">", "<"], &random
      ) { Int64.random(in: 0..<200_000, using: &$0) * 100 }
    }
    for name in ["days_since_order", "days_since_session", "days_since_login"] {
      addNumbers(
        name, .days, scale: 0, nulls: 25, [3, 7, 14, 21, 30, 45, 60, 90], ["<=", ">"], &random
      ) { Int64.random(in: 0..<180, using: &$0) }
    }
    for name in ["open_rate", "click_rate"] { addRates(name, &random) }
    addText("country", Self.countries, &random)
    addText("band", Self.bands, &random)
  }

  /// What rules read.
  var attributes: AttributeList {
    AttributeList(
      attributed.map { column in
        switch columns[column.name] {
        case .integer(_, let scale):
          Attribute(name: column.name, type: .number, unit: column.unit, scale: scale)
        case .text: Attribute(name: column.name, type: .text)
        default: Attribute(name: column.name, type: .real, unit: column.unit)
        }
      })
  }

  /// The columns in memory; a customer's id is its row and one.
  var source: ColumnTable { ColumnTable(count: count, columns: columns) }

  private mutating func addNumbers(
    _ name: String, _ unit: Attribute.Unit, scale: Int, nulls: Int, _ thresholds: [Int64],
    _ operators: [String], _ random: inout SplitMix64, draw: (inout SplitMix64) -> Int64
  ) {
    let values = (0..<count).map { _ in draw(&random) }
    let present = Bitset(count: count) { _ in Int.random(in: 0..<100, using: &random) >= nulls }
    columns[name] = .integer(Dense(values, present: nulls > 0 ? present : nil), scale: scale)
    let factor: Int64 = scale == 4 ? 10_000 : 1
    attributed.append(
      Attributed(
        name: name, unit: unit,
        tests: operators.flatMap { sign in
          thresholds.map {
            ("\(name) \(sign) \($0)", "\(name) \(sign) \($0 * factor)")
          }
        }))
  }

  private mutating func addRates(_ name: String, _ random: inout SplitMix64) {
    let values = (0..<count).map { _ in Double(Int.random(in: 0...100, using: &random)) / 100 }
    let present = Bitset(count: count) { _ in Int.random(in: 0..<100, using: &random) >= 30 }
    columns[name] = .real(Dense(values, present: present))
    attributed.append(
      Attributed(
        name: name, unit: .ratio,
        tests: [10, 25, 40, 50, 60, 75, 90].flatMap { percent in
          [">", "<="].map { sign in
            ("\(name) \(sign) \(percent)%", "\(name) \(sign) 0.\(percent)")
          }
        }))
  }

  private mutating func addText(
    _ name: String, _ texts: [String], _ random: inout SplitMix64
  ) {
    let codes = (0..<count).map { _ in Int32(Int.random(in: 0..<texts.count, using: &random)) }
    columns[name] = .text(Dense(codes), dictionary: texts)
    let pairs = texts.indices.map { [texts[$0], texts[($0 + 1) % texts.count]] }
    attributed.append(
      Attributed(
        name: name, unit: .none,
        tests: pairs.map { pair in
          (
            "\(name) in [\(pair.joined(separator: ", "))]",
            "\(name) IN (\(pair.map { "'\($0)'" }.joined(separator: ", ")))"
          )
        }))
  }

  // MARK: Rules

  /// Some distinct rules of two to four conditions: a catalogue, and each as a condition in SQL.
  func rules(_ wanted: Int) -> (yaml: String, sql: [String]) {
    var random = SplitMix64(seed: 501)
    var seen: Set<String> = []
    var lines = ["version: 1", "segments:"]
    var sql: [String] = []
    while sql.count < wanted {
      let tests = attributed.shuffled(using: &random).prefix(4).compactMap {
        $0.tests.randomElement(using: &random)
      }
      guard tests.count == 4 else { continue }
      let (a, b, c, d) = (tests[0], tests[1], tests[2], tests[3])
      let (rule, condition): (String, String) =
        switch Int.random(in: 0..<4, using: &random) {
        case 0: ("{all: [\"\(a.rule)\", \"\(b.rule)\"]}", "\(a.sql) AND \(b.sql)")
        case 1:
          (
            "{all: [\"\(a.rule)\", {any: [\"\(b.rule)\", \"\(c.rule)\"]}]}",
            "\(a.sql) AND (\(b.sql) OR \(c.sql))"
          )
        case 2:
          (
            "{all: [\"\(a.rule)\", \"\(b.rule)\", {not: \"\(c.rule)\"}]}",
            "\(a.sql) AND \(b.sql) AND NOT (\(c.sql))"
          )
        default:
          (
            "{any: [{all: [\"\(a.rule)\", \"\(b.rule)\"]}, {all: [\"\(c.rule)\", \"\(d.rule)\"]}]}",
            "(\(a.sql) AND \(b.sql)) OR (\(c.sql) AND \(d.sql))"
          )
        }
      guard seen.insert(rule).inserted else { continue }
      sql.append(condition)
      lines.append("  - {name: r\(sql.count), rule: \(rule)}")
    }
    return (lines.joined(separator: "\n") + "\n", sql)
  }

  // MARK: For the peers

  /// The peers' columns in their order: `bigint`, `double precision` or `text`.
  var layout: [(name: String, type: String)] {
    [("id", "bigint")]
      + attributed.map { column in
        switch columns[column.name] {
        case .real: (column.name, "double precision")
        case .text: (column.name, "text")
        default: (column.name, "bigint")
        }
      }
  }

  /// Writes the customers as CSV without a header, nulls as nothing.
  func write(to path: String) throws {
    let file = URL(fileURLWithPath: path)
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    let ordered = attributed.map { columns[$0.name] }
    var text = ""
    for row in 0..<count {
      text += "\(row + 1)"
      for column in ordered {
        text += ","
        switch column {
        case .integer(let dense, _): text += dense[row].map { "\($0)" } ?? ""
        case .real(let dense): text += dense[row].map { "\($0)" } ?? ""
        case .text(let dense, let dictionary): text += dictionary[Int(dense.values[row])]
        default: break
        }
      }
      text += "\n"
      if row % 20_000 == 19_999 || row == count - 1 {
        try handle.write(contentsOf: Data(text.utf8))
        text = ""
      }
    }
    try handle.close()
  }
}
