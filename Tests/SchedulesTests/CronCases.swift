import Schedules
import TestSupport

/// One question to a cron engine: what comes after (or before) an instant?
struct CronCase: Sendable, Hashable, CustomStringConvertible {
  let expression: String
  let zone: String
  /// Seconds since 1970.
  let second: Int64
  let isForward: Bool

  /// One line for the peers: expression, zone, second and direction between tabs.
  var line: String { "\(expression)\t\(zone)\t\(second)\t\(isForward ? "next" : "previous")" }

  var description: String {
    "\(expression) \(zone) \(isForward ? "after" : "before") \(Instant(seconds: second))"
  }
}

/// Random questions, equal for equal seeds: half of them near a clock change, in turn near every
/// one of the years 2015 to 2030, the others at any time.
struct CronCases {
  /// Zones whose clocks change at night, at midnight, on a Saturday evening, by half an hour, by two
  /// hours, twice around Ramadan, back in summer, and no longer.
  static let zones = [
    "America/New_York", "Europe/Lisbon", "Australia/Lord_Howe", "America/Sao_Paulo",
    "America/Santiago", "America/Havana", "Africa/Casablanca", "Europe/Dublin",
    "Antarctica/Troll", "America/Scoresbysund",
  ]

  private var random: SplitMix64
  private let changes: [(zone: String, second: Int64)]
  private var count = 0

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    changes = Self.zones.flatMap { zone in
      Self.changes[zone, default: []].map { (zone, $0.seconds) }
    }
  }

  /// The clock changes of each zone, in order.
  static let changes: [String: [Instant]] = Dictionary(
    uniqueKeysWithValues: zones.compactMap { name in
      (try? Zone(name)).map { (name, changes(of: $0)) }
    })

  /// Every instant of 2015 to 2030 at which a zone's offset changes, by bisection of days.
  static func changes(of zone: Zone) -> [Instant] {
    var found: [Instant] = []
    var low: Int64 = 1_420_070_400
    while low < 1_924_992_000 {
      let next = low + 86_400
      if zone.offset(at: Instant(seconds: low)) != zone.offset(at: Instant(seconds: next)) {
        var (before, after) = (low, next)
        while after - before > 1 {
          let middle = (before + after) / 2
          let isSame =
            zone.offset(at: Instant(seconds: middle)) == zone.offset(at: Instant(seconds: low))
          if isSame { before = middle } else { after = middle }
        }
        found.append(Instant(seconds: after))
      }
      low = next
    }
    return found
  }

  mutating func next() -> CronCase {
    defer { count += 1 }
    let isForward = chance(60)
    guard count % 2 == 0 else {
      return CronCase(
        expression: expression(near: nil), zone: pick(Self.zones),
        second: 1_420_070_400 + number(0...504_921_599), isForward: isForward)
    }
    let change = changes[count / 2 % changes.count]
    let distance: Int64 =
      switch number(0...3) {
      case 0: number(-2...2)
      case 1: 60 * number(-180...180)
      case 2: number(-10_800...10_800)
      default: number(-93_600...93_600)
      }
    return CronCase(
      expression: expression(near: change.second), zone: change.zone,
      second: change.second + distance, isForward: isForward)
  }

  // MARK: Expressions

  private mutating func expression(near change: Int64?) -> String {
    if chance(2) {
      return pick([
        "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
      ])
    }
    // Near a change most jobs have to be of every day, at night, to meet it.
    let isNightly = change != nil && chance(75)
    var fields = [
      field(0...59, star: 22, nightly: isNightly ? [0, 15, 30, 45, 59] : nil),
      field(0...23, star: 30, nightly: isNightly ? [0, 1, 2, 3, 22, 23] : nil),
      isNightly && chance(80) ? "*" : dayOfMonth(), isNightly && chance(90) ? "*" : month(),
      isNightly && chance(80) ? "*" : dayOfWeek(),
    ]
    if chance(10) { fields.insert(field(0...59, star: 10, nightly: [0, 30]), at: 0) }
    return fields.joined(separator: " ")
  }

  private mutating func field(_ span: ClosedRange<Int64>, star: Int64, nightly: [Int64]?)
    -> String
  {
    if chance(star) { return "*" }
    if chance(12) {
      return (0...number(1...2)).map { _ in entry(span, nightly) }.joined(separator: ",")
    }
    return entry(span, nightly)
  }

  private mutating func entry(_ span: ClosedRange<Int64>, _ nightly: [Int64]?) -> String {
    let value = nightly.map { pick($0) } ?? number(span)
    let other = nightly.map { pick($0) } ?? number(span)
    let step = pick([1, 2, 3, 5, 7, 10, 15, 20, 30, 40])
    return switch number(0...99) {
    case 0..<8: "*/\(step)"
    case 8..<12: "\(value)/\(step)"
    case 12..<22: "\(min(value, other))-\(max(value, other))"
    case 22..<27: "\(min(value, other))-\(max(value, other))/\(step)"
    case 27..<30: "\(max(value, other))-\(min(value, other))"
    case 30..<32: "\(max(value, other))-\(min(value, other))/\(step)"
    case 32..<34: "\(value)-\(value)"
    default: "\(value)"
    }
  }

  private mutating func dayOfMonth() -> String {
    switch number(0...99) {
    case 0..<45: "*"
    case 45..<46: "?"
    case 46..<52: "L"
    case 52..<54: "L-\(number(1...30))"
    case 54..<57: "LW"
    case 57..<61: "\(number(1...31))W"
    case 61..<64: "*/\(number(2...16))"
    case 64..<66: "L,\(number(1...31))"
    case 66..<68: "\(number(1...15))W,\(number(16...28))"
    default: field(1...31, star: 0, nightly: nil)
    }
  }

  private mutating func month() -> String {
    let names = CronField.month.sampleNames
    return switch number(0...99) {
    case 0..<70: "*"
    case 70..<76: pick(names)
    case 76..<80: "\(pick(names))-\(pick(names))"
    case 80..<82: "\(pick(names)),\(pick(names).uppercased())"
    case 82..<85: "2"
    default: field(1...12, star: 0, nightly: nil)
    }
  }

  private mutating func dayOfWeek() -> String {
    let names = CronField.dayOfWeek.sampleNames
    return switch number(0...99) {
    case 0..<45: "*"
    case 45..<46: "?"
    case 46..<56: pick(names)
    case 56..<62: "\(pick(names))-\(pick(names))"
    case 62..<65: "\(pick(names))L"
    case 65..<67: "\(number(0...7))L"
    case 67..<70: "\(pick(names))#\(number(1...5))"
    case 70..<72: "\(number(0...7))#\(number(1...5))"
    case 72..<74: "\(pick(names))#\(number(1...5)),\(pick(names))#\(number(1...5))"
    case 74..<76: "\(pick(names)),\(pick(names))#\(number(1...5))"
    case 76..<79: "*/\(number(2...4))"
    default: field(0...7, star: 0, nightly: nil)
    }
  }

  // MARK: Draws

  private mutating func chance(_ percent: Int64) -> Bool { number(0...99) < percent }

  private mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(random.next() % UInt64(range.count))
  }

  private mutating func pick<Item>(_ items: [Item]) -> Item {
    items[Int(random.next() % UInt64(items.count))]
  }
}

extension CronField {
  /// Names as people write them.
  fileprivate var sampleNames: [String] {
    self == .month
      ? ["jan", "feb", "MAR", "apr", "May", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
      : ["sun", "mon", "TUE", "wed", "Thu", "fri", "sat"]
  }
}
