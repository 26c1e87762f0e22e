import Columns
import Rules
import Schedules
import TestSupport
import Testing
import Warehouse

import class Foundation.ProcessInfo

/// The SELECT that rules print has the members that the engine computes.
@Suite("Rules in SQL equal the engine")
struct RuleSQLTests {
  static let attributes = AttributeList([
    Attribute(name: "orders", type: .number, unit: .count),
    Attribute(name: "revenue", type: .number, unit: .money, scale: 4),
    Attribute(name: "open_rate", type: .real, unit: .ratio),
    Attribute(name: "country", type: .text),
    Attribute(name: "subscribed", type: .boolean),
    Attribute(name: "birthday", type: .day),
    Attribute(name: "signed_up", type: .instant),
  ])
  static let names = ["a", "b", "c", "d"]
  static let countries = [
    "PT", "Portugal", "ÉS", "ΣΑΣ", "σας", "", "é", "e\u{301}", "it's 50%", "\\", "$1",
    "'; DROP TABLE customer; --",
    "🇵🇹", "\u{202E}x", "pt",
  ]

  /// Random customers: the same in memory and as rows of an INSERT.
  struct Shop {
    var table: ColumnTable
    var rows: [String]
    let moment: RuleMoment

    init(count: Int, _ random: inout SplitMix64, zone: Zone) {
      func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
      var cells = Array(repeating: [String](), count: count)
      func dense<T: Sendable & Equatable>(
        _ make: () -> T, _ text: (T) -> String
      ) -> Dense<T> {
        let dense = Dense(
          (0..<count).map { _ in make() }, present: Bitset(count: count) { _ in below(6) != 0 })
        for row in 0..<count { cells[row].append(dense[row].map(text) ?? "NULL") }
        return dense
      }
      var columns: [String: Column] = [:]
      columns["orders"] = .integer(dense({ Int64(below(6)) }, { "\($0)" }), scale: 0)
      columns["revenue"] = .integer(
        dense({ Int64(below(9) * 2_500 - 5_000) }, { "\($0)::numeric / 10000" }), scale: 4)
      columns["open_rate"] = .real(dense({ Double(below(11)) / 10 }, { "\($0)" }))
      let dictionary = RuleSQLTests.countries
      columns["country"] = .text(
        dense({ Int32(below(dictionary.count)) }, { Self.quoted(dictionary[Int($0)]) }),
        dictionary: dictionary)
      columns["subscribed"] = .boolean(dense({ below(2) == 0 }, { "\($0)" }))
      columns["birthday"] = .day(
        dense({ Int32(below(12) - 6) }, { "DATE '\(Day(number: $0))'" }))
      columns["signed_up"] = .instant(
        dense(
          { Int64(below(16) - 8) * 21_600_000_000 + Int64(below(2)) },
          { "TIMESTAMPTZ '\(Instant(microseconds: $0))'" }))
      // Within the days of the values, often at a midnight.
      let day = Day(number: Int32(below(4)))
      let moment = RuleMoment(
        asOf: zone.midnight(day) + .seconds(below(3) == 0 ? 0 : below(86_400)), zone: zone)
      self.moment = moment
      var prior = PriorMembership()
      for name in RuleSQLTests.names {
        let members = Bitset(count: count) { _ in below(2) == 0 }
        let last = Dense(
          (0..<count).map { _ in moment.day.number - Int32(below(40)) },
          present: Bitset(count: count) { _ in below(4) != 0 })
        prior.members[name] = members
        prior.lastDays[name] = last
        for row in 0..<count {
          cells[row].append("\(members[row])")
          cells[row].append(last[row].map { "DATE '\(Day(number: $0))'" } ?? "NULL")
        }
      }
      rows = cells.enumerated().map { "(\($0), \($1.joined(separator: ", ")))" }
      table = ColumnTable(count: count, columns: columns, moment: moment, prior: prior)
    }

    private static func quoted(_ text: String) -> String {
      "'\(text.replacing("'", with: "''"))'"
    }
  }

  /// A random condition as a short string.
  static func condition(_ random: inout SplitMix64) -> String {
    func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    func pick(_ items: [String]) -> String { items[below(items.count)] }
    func text() -> String { "'\(pick(countries).replacing("'", with: "''"))'" }
    func day() -> String { Day(number: Int32(below(12) - 6)).description }
    let comparison = pick(["=", "!=", "<", "<=", ">", ">="])
    let body: String
    switch below(18) {
    case 0: body = "orders \(comparison) \(1 + below(4))"
    case 1: body = "orders in [\(1 + below(4)), \(1 + below(4))]"
    case 2: body = "revenue \(comparison) \(pick(["0.25", "-0.5", "1", "0.125"]))"
    case 3: body = "open_rate \(comparison) \(10 * (1 + below(9)))%"
    case 4: body = "open_rate between \(10 * below(5))% and \(50 + 10 * below(5))%"
    case 5: body = "country \(comparison) \(text())"
    case 6: body = "country \(pick(["in", "not_in"])) [\(text()), \(text())]"
    case 7:
      let part = pick(["P", "t", "\u{301}", "'' D", "50%", "\\", "🇵"])
      body = "country \(pick(["contains", "starts_with", "ends_with"])) '\(part)'"
    case 8: body = "subscribed \(pick(["=", "!="])) \(below(2) == 0)"
    case 9: body = "birthday \(pick(["=", "before", "after", "<=", ">="])) \(day())"
    case 10:
      body = "signed_up \(pick(["=", "!=", "before", "after", "<=", ">="])) \(day())"
    case 11: body = "\(pick(attributes.attributeNames)) \(pick(["is_missing", "is_present"]))"
    case 12:
      body =
        "\(pick(["orders", "revenue", "open_rate"])) \(pick(["top", "bottom"])) \(1 + below(99))%"
    case 13:
      body =
        "\(pick(["orders", "revenue", "birthday"])) \(pick(["top", "bottom"])) \(1 + below(80))"
    case 14:
      let pattern = pick([
        "^P", "t$", "[A-Z]{2}", "^.{2}$", "o+r", "'' D|50%", "\\\\", "\\$1", "^(?:P|p)[tT]?",
        "[^a-zA-Z]",
        "é", "^\\w+$", "\\s", "^$", "(a|l){2,}",
      ])
      body = "country matches '\(pattern)'\(pick(["", " ci"]))"
    case 15:
      let part = pick(["p", "T", "É", "σ", "σασ", "PORTUGAL"])
      body =
        "country \(pick(["=", "!=", "contains", "starts_with", "ends_with"])) '\(part)' ci"
    case 16:
      body =
        "birthday \(pick(["within_last", "not_within_last"])) \(1 + below(5)) \(pick(["days", "months"]))"
    default:
      body =
        "signed_up \(pick(["within_last", "not_within_last"])) \(1 + below(40)) "
        + pick(["minutes", "hours", "days", "months"])
    }
    let mayBeMissing =
      below(6) == 0 && !body.hasSuffix("is_missing") && !body.hasSuffix("is_present")
    let mayHavePopulation = body.contains(" top ") || body.contains(" bottom ")
    let population =
      mayHavePopulation && below(3) == 0
      ? " where " + pick(["subscribed = true", "orders > 2", "country matches '[a-z]'"]) : ""
    return body + (mayBeMissing ? " or_missing" : "") + population
  }

  static func rule(_ random: inout SplitMix64, depth: Int) -> String {
    guard depth > 0, random.next() % 3 != 0 else {
      let text = condition(&random).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "\"\(text)\""
    }
    if random.next() % 3 == 0 { return "{not: \(rule(&random, depth: depth - 1))}" }
    if random.next() % 5 == 0 {
      let name = names[Int(random.next() % 4)]
      return "{was_member_of: \(name), within: \(1 + random.next() % 30) days}"
    }
    if random.next() % 4 == 0 {
      let weights = (0...(random.next() % 3)).map { _ in
        [-1.5, 1, 1, 2, 3.25][Int(random.next() % 5)]
      }
      let least = weights.reduce(0) { $0 + min(0, $1) }
      let most = weights.reduce(0) { $0 + max(0, $1) }
      let threshold = least + (most - least) * Double(1 + random.next() % 4) / 4
      let leave = random.next() % 2 == 0 ? ", leave_below: \(least + (threshold - least) / 2)" : ""
      let parts = weights.map { "{when: \(rule(&random, depth: depth - 1)), weight: \($0)}" }
      return "{score: [\(parts.joined(separator: ", "))], threshold: \(threshold)\(leave)}"
    }
    let parts = (0...(random.next() % 3)).map { _ in rule(&random, depth: depth - 1) }
    return "{\(random.next() % 2 == 0 ? "all" : "any"): [\(parts.joined(separator: ", "))]}"
  }

  /// Catalogues of four segments, the last of which rests on the others.
  static func catalogue(_ random: inout SplitMix64, zone: Zone) throws -> SegmentCatalogue {
    while true {
      let text = """
        segments:
          - {name: a, rule: \(rule(&random, depth: 2))}
          - {name: b, rule: \(rule(&random, depth: 3))}
          - {name: c, rule: {any: [member_of a, \(rule(&random, depth: 1))]}}
          - {name: d, rule: {all: [not_member_of b, {any: [member_of c, member_of a]}]}}
        """
      do {
        return try SegmentCatalogue.parse(text, attributes: attributes, zone: zone)
      } catch {
        let codes = Set(error.errors.map(\.code))
        if !codes.isSubset(of: ["rules.contradiction", "rules.impossible"]) { throw error }
      }
    }
  }

  /// 125 catalogues of four segments, or 1,250 with `STRATA_LONG_TESTS=1`.
  private static let seeds =
    ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1" ? 1_250 : 125

  @Test("random catalogues over random customers with nulls and hostile texts")
  func randomCatalogues() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await connection.script(
          """
          CREATE TABLE customer (customer_id bigint PRIMARY KEY, orders bigint,
            revenue numeric(18,4), open_rate double precision, country text, subscribed boolean,
            birthday date, signed_up timestamptz,
            \(Self.names.map { "was_\($0) boolean, last_\($0) date" }.joined(separator: ", ")));
          """)
        let zone = try Zone("America/New_York")
        for seed in 0..<Self.seeds {
          var random = SplitMix64(seed: UInt64(seed))
          let shop = Shop(count: 60, &random, zone: zone)
          let catalogue = try Self.catalogue(&random, zone: zone)
          var translator = RuleSQL(relation: "customer", moment: shop.moment)
          translator.wasMember = { "was_\($0)" }
          translator.lastDay = { "last_\($0)" }
          try await connection.script(
            "TRUNCATE customer; INSERT INTO customer VALUES \(shop.rows.joined(separator: ", "));")
          let evaluation = try catalogue.evaluate(shop.table)
          for segment in catalogue.segments {
            let text = try translator.select(segment, of: catalogue)
            let rows = try await connection.query("\(unsafeText: text)")
            let members = try rows.map { Int(try $0.get("customer_id", as: Int64.self)) }
            #expect(
              members == evaluation.verdicts[segment.name]?.isTrue.rows,
              "seed \(seed), segment \(segment.name): \(segment.rule)\n\(text)")
          }
        }
      }
    }
  }
}
