import Columns
import Rules
import Schedules

/// A small seeded generator (SplitMix64), so that every failure names its seed.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

/// A value of one customer, as the naive evaluator sees it.
enum Plain: Equatable {
  /// Numbers as multiples of 1/10,000: every number of these tests is one.
  case number(Int64)
  case text([UInt8])
  case boolean(Bool)
  /// Days since 1970, or microseconds.
  case time(Int64)
}

/// One operand, as the naive evaluator sees it; days against instants have two bounds.
enum PlainOperand: Equatable {
  case value(Plain)
  case span(from: Int64, before: Int64)
  /// A length of time before the as-of.
  case back(Int, TimeSpan.Unit)
  case pattern(PlainPattern)
}

/// A rule, as the naive evaluator sees it, beside the text that the parser reads.
indirect enum PlainRule {
  case all([PlainRule])
  case any([PlainRule])
  case not(PlainRule)
  /// Weights and thresholds in tenths.
  case score([(PlainRule, Int)], threshold: Int, leave: Int?)
  /// Days.
  case wasMember(Int)
  case test(String, Operator, [PlainOperand], orMissing: Bool, ci: Bool, written: String)

  /// The rule as YAML in one line.
  var yaml: String {
    switch self {
    case .all(let parts): "{all: [\(parts.map(\.yaml).joined(separator: ", "))]}"
    case .any(let parts): "{any: [\(parts.map(\.yaml).joined(separator: ", "))]}"
    case .not(let part): "{not: \(part.yaml)}"
    case .score(let parts, let threshold, let leave):
      "{score: ["
        + parts.map { "{when: \($0.yaml), weight: \(Self.tenths($1))}" }.joined(separator: ", ")
        + "], threshold: \(Self.tenths(threshold))"
        + (leave.map { ", leave_below: \(Self.tenths($0))" } ?? "") + "}"
    case .wasMember(let days): "{was_member_of: s, within: \(days) days}"
    case .test(_, _, _, _, _, let written):
      "\"\(written.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
  }

  private static func tenths(_ value: Int) -> String {
    (value < 0 ? "-" : "") + "\(abs(value) / 10).\(abs(value) % 10)"
  }
}

/// Customers with every type of attribute, some values null.
struct Customers {
  static let attributes = AttributeList(
    [
      Attribute(name: "orders", type: .number, unit: .count),
      Attribute(name: "revenue", type: .number, unit: .money, scale: 4),
      Attribute(name: "recency", type: .number, unit: .days),
      Attribute(name: "open_rate", type: .real, unit: .ratio),
      Attribute(name: "aov", type: .real, unit: .money),
      Attribute(name: "country", type: .text),
      Attribute(name: "subscribed", type: .boolean),
      Attribute(name: "birthday", type: .day),
      Attribute(name: "signed_up", type: .instant),
    ], aliases: ["LTV": "revenue", "Orders": "orders"])

  static let countries = ["PT", "ES", "Portugal", "", "é", "e\u{301}", "it's 50%", "🇵🇹", "pt", "É"]

  /// What the naive evaluator finds in a row beside the attributes.
  static let asOf = "#as of"
  static let wasMember = "#was a member"
  static let lastDay = "#last day of membership"

  var count: Int
  var rows: [[String: Plain]] = []
  var table: ColumnTable

  init(count: Int, _ random: inout Seeded) {
    self.count = count
    rows = Array(repeating: [:], count: count)
    table = ColumnTable(count: count, columns: [:])
    var rows = self.rows
    var columns: [String: Column] = [:]
    func mask(_ random: inout Seeded) -> Bitset? {
      let share = random.pick([0, 0, 10, 40, 100])
      return share == 0 ? nil : Bitset(count: count) { _ in !random.chance(share) }
    }
    func add<T>(
      _ name: String, _ random: inout Seeded, _ plain: (T) -> Plain,
      _ make: (inout Seeded) -> T
    ) -> Dense<T> {
      let dense = Dense((0..<count).map { _ in make(&random) }, present: mask(&random))
      for row in 0..<count { rows[row][name] = dense[row].map(plain) }
      return dense
    }
    columns["orders"] = .integer(
      add("orders", &random, { .number($0 * 10_000) }) { Int64($0.below(7)) }, scale: 0)
    columns["revenue"] = .integer(
      add("revenue", &random, { .number($0) }) { Int64($0.below(9) * 2_500 - 5_000) }, scale: 4)
    columns["recency"] = .integer(
      add("recency", &random, { .number($0 * 10_000) }) { Int64($0.below(40)) }, scale: 0)
    columns["open_rate"] = .real(
      add("open_rate", &random, { .number(Int64(($0 * 10_000).rounded())) }) {
        Double($0.below(11)) / 10
      })
    columns["aov"] = .real(
      add("aov", &random, { .number(Int64(($0 * 10_000).rounded())) }) {
        Double($0.below(21) - 10) / 4
      })
    let dictionary = Self.countries
    columns["country"] = .text(
      add("country", &random, { .text(Array(dictionary[Int($0)].utf8)) }) {
        Int32($0.below(dictionary.count))
      }, dictionary: dictionary)
    columns["subscribed"] = .boolean(
      add("subscribed", &random, { .boolean($0) }) { $0.chance(50) })
    columns["birthday"] = .day(
      add("birthday", &random, { .time(Int64($0)) }) { Int32($0.below(12) - 6) })
    columns["signed_up"] = .instant(
      add("signed_up", &random, { .time($0) }) {
        Int64($0.below(16) - 8) * 21_600_000_000 + Int64($0.below(2))
      })
    // What stands under a null is garbage: codes out of range must do no harm.
    if case .text(var dense, let words) = columns["country"], let present = dense.present {
      for row in 0..<count where !present[row] { dense.values[row] = -7 }
      columns["country"] = .text(dense, dictionary: words)
    }
    // Within a day, or at its end.
    let day = Day(number: Int32(random.below(4)))
    let asOf = Instant(
      microseconds: Self.zone.midnight(day).microseconds
        + (random.chance(30) ? 0 : Int64(random.below(86_400)) * 1_000_000))
    let members = Bitset(count: count) { _ in random.chance(50) }
    let today = Self.zone.day(of: Instant(microseconds: asOf.microseconds - 1))
    let lastDays = Dense(
      (0..<count).map { _ in today.number - Int32(random.below(12)) },
      present: Bitset(count: count) { _ in random.chance(70) })
    for row in 0..<count {
      rows[row][Self.asOf] = .time(asOf.microseconds)
      rows[row][Self.wasMember] = .boolean(members[row])
      rows[row][Self.lastDay] = lastDays[row].map { .time(Int64($0)) }
    }
    self.rows = rows
    table = ColumnTable(
      count: count, columns: columns, moment: RuleMoment(asOf: asOf, zone: Self.zone),
      prior: PriorMembership(members: ["s": members], lastDays: ["s": lastDays]))
  }
}

extension Seeded {
  /// A random rule over ``Customers``.
  mutating func rule(depth: Int) -> PlainRule {
    if depth > 0, chance(65) {
      switch below(8) {
      case 0, 1, 2: return .all((0...below(3)).map { _ in rule(depth: depth - 1) })
      case 3, 4: return .any((0...below(3)).map { _ in rule(depth: depth - 1) })
      case 5: return score(depth: depth - 1)
      default: return .not(rule(depth: depth - 1))
      }
    }
    return chance(8) ? .wasMember(1 + below(12)) : test()
  }

  /// A random sum of conditions.
  mutating func score(depth: Int) -> PlainRule {
    let parts = (0...below(4)).map { _ in (rule(depth: depth), pick([-20, -5, 5, 10, 10, 20, 35])) }
    let most = parts.reduce(0) { $0 + max(0, $1.1) }
    let least = parts.reduce(0) { $0 + min(0, $1.1) }
    let threshold = least + 1 + below(max(1, most - least))
    let leave: Int? = chance(40) ? threshold - 1 - below(15) : nil
    return .score(parts, threshold: threshold, leave: leave)
  }

  /// A random condition that the checks let through.
  mutating func test(of name: String? = nil) -> PlainRule {
    let drawn = pick(Customers.attributes.attributes)
    let attribute = name.flatMap { Customers.attributes.attribute(named: $0) } ?? drawn
    let usable = Operator.allCases.filter {
      switch $0 {
      case .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf,
        .wasMemberOf:
        false
      case .contains, .startsWith, .endsWith, .matches: attribute.type == .text
      case .before, .after, .withinLast, .notWithinLast:
        attribute.type == .day || attribute.type == .instant
      case .greater, .greaterOrEqual, .less, .lessOrEqual, .between: attribute.type != .boolean
      case .equal, .notEqual, .isIn, .notIn, .isMissing, .isPresent: true
      }
    }
    let op = pick(usable)
    let orMissing = op != .isMissing && op != .isPresent && chance(15)
    let ci =
      [.equal, .notEqual, .isIn, .notIn, .contains, .startsWith, .endsWith, .matches].contains(op)
      && attribute.type == .text && chance(30)
    var operands: [(PlainOperand, String)] = []
    switch op {
    case .isMissing, .isPresent: break
    case .between:
      let pair = [operand(attribute), operand(attribute)].sorted { order($0.0, $1.0) }
      operands = pair
    case .isIn, .notIn:
      // A list of both truth values could never be false; one of each is enough here.
      operands = (0..<(attribute.type == .boolean ? 1 : 1 + below(7))).map { _ in
        operand(attribute)
      }
    case .contains, .startsWith, .endsWith:
      let part = pick(["P", "t", "e", "\u{301}", "'s", "50%", "PT", "🇵", "zz"])
      operands = [(.value(.text(Array(part.utf8))), quoted(part))]
    case .matches:
      let letters: [Unicode.Scalar] = ["P", "T", "t", "e", "\u{301}", "é", "5", " ", "🇵", "É"]
      let pattern = pattern(depth: 2, letters: letters)
      operands = [(.pattern(pattern), quoted(pattern.text))]
    case .withinLast, .notWithinLast:
      let units: [TimeSpan.Unit] =
        attribute.type == .day ? [.days, .months] : [.minutes, .hours, .days, .months]
      let unit = pick(units)
      let count = 1 + below(unit == .minutes ? 5_000 : unit == .hours ? 60 : unit == .days ? 6 : 2)
      operands = [(.back(count, unit), "\(count) \(unit.rawValue)")]
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .before, .after,
      .topPercent, .bottomPercent, .topCount, .bottomCount,
      .memberOf, .notMemberOf, .wasMemberOf:
      operands = [operand(attribute)]
    }
    let words = operands.map(\.1)
    let tail =
      switch op {
      case .between: "between \(words[0]) and \(words[1])"
      case .isIn, .notIn: "\(op.rawValue) [\(words.joined(separator: ", "))]"
      case .isMissing, .isPresent: op.rawValue
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .contains,
        .startsWith, .endsWith, .matches, .before, .after, .withinLast, .notWithinLast, .topPercent,
        .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf, .wasMemberOf:
        "\(op.rawValue) \(words[0])"
      }
    return .test(
      attribute.name, op, operands.map(\.0), orMissing: orMissing, ci: ci,
      written: "\(attribute.name) \(tail)" + (ci ? " ci" : "") + (orMissing ? " or_missing" : ""))
  }

  private func quoted(_ text: String) -> String {
    "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
  }

  private func order(_ left: PlainOperand, _ right: PlainOperand) -> Bool {
    Naive.key(left, upper: false).lexicographicallyPrecedes(Naive.key(right, upper: false))
  }

  /// A value in or near the range of an attribute, and how it is written.
  private mutating func operand(_ attribute: Attribute) -> (PlainOperand, String) {
    func decimal(_ tenThousandths: Int64) -> String {
      let magnitude = tenThousandths.magnitude
      let fraction = String(magnitude % 10_000 + 10_000).dropFirst()
      return (tenThousandths < 0 ? "-" : "") + "\(magnitude / 10_000).\(fraction)"
    }
    switch attribute.name {
    case "orders":
      let value = Int64(1 + below(5))
      return (.value(.number(value * 10_000)), "\(value)")
    case "recency":
      let value = Int64(1 + below(38))
      return (.value(.number(value * 10_000)), chance(50) ? "\(value) days" : "\(value)")
    case "open_rate":
      let value = Int64(below(11))
      return (
        .value(.number(value * 1_000)), chance(50) ? "\(value * 10)%" : decimal(value * 1_000)
      )
    case "revenue", "aov":
      let value = Int64(below(9) * 2_500 - 5_000)
      return (.value(.number(value)), decimal(value))
    case "country":
      let text = pick(Customers.countries)
      return (.value(.text(Array(text.utf8))), quoted(text))
    case "subscribed":
      let value = chance(50)
      return (.value(.boolean(value)), "\(value)")
    case "birthday":
      let day = Day(number: Int32(below(12) - 6))
      return (.value(.time(Int64(day.number))), day.description)
    default:
      if chance(50) {
        let day = Day(number: Int32(below(4) - 2))
        let zone = Customers.zone
        return (
          .span(
            from: zone.midnight(day).microseconds, before: zone.midnight(day + 1).microseconds),
          day.description
        )
      }
      let instant = Instant(microseconds: Int64(below(16) - 8) * 21_600_000_000)
      return (.value(.time(instant.microseconds)), instant.description)
    }
  }
}

extension Customers {
  /// A zone whose midnight is not UTC's.
  static let zone: Zone = (try? Zone("America/New_York")) ?? .utc
}
