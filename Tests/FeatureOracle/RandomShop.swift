import Features
import Schedules
import TestSupport

/// Seeded random numbers with the few draws that the histories need.
package struct Dice: RandomNumberGenerator {
  private var generator: SplitMix64
  package init(seed: Int) { generator = SplitMix64(seed: UInt64(bitPattern: Int64(seed))) }
  package mutating func next() -> UInt64 { generator.next() }
  package mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
  package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  package mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

/// One delivery of an event; a redelivery has the same event id.
package struct ShopEvent {
  package var eventID: Int
  package var customer: Int64
  package var kind: String
  package var at: Instant
  package var amount: Int64?
  package var quantity: Int64?
  /// The day at whose end the event is known: later than its own day for a late one.
  package var arrives: Day
  package var item: String?
  package var properties: [String: ShopProperty] = [:]
}

/// A small random history in a zone whose clocks change inside it.
package struct RandomShop {
  package let zone: Zone
  package let first: Day
  package let customers: [Int64]
  /// Every delivery, redeliveries too, in order of arrival.
  package let deliveries: [ShopEvent]

  package static let length = 150
  package static let kinds = [
    "purchase", "refund", "product_view", "page_view", "email_sent", "email_open", "cart_add",
  ]
  /// Times from one event to another that features have as gaps and windows.
  static let gaps: [Int64] = [600, 7200, 86_400, 172_800, 259_200].map { $0 * 1_000_000 }

  /// - Parameters:
  ///   - count: how many events, redeliveries apart.
  ///   - people: how many customers; nil for 6 to 11.
  ///   - length: over how many days, but for events that follow others.
  package init(
    seed: Int, events count: Int = 240, customers people: Int? = nil, length: Int = Self.length
  ) throws {
    var dice = Dice(seed: seed)
    zone = try Zone(
      dice.pick([
        "America/New_York", "Europe/Lisbon", "Australia/Lord_Howe", "America/St_Johns",
        "America/Sao_Paulo", "UTC", "Pacific/Apia",
      ]))
    // Starts in autumn or winter of 2010 to 2016: both changes of the clock, a leap day, Apia's
    // missing day and St John's changes just after midnight lie inside some of the histories.
    let base = try Self.day(2010 + dice.below(6), dice.pick([1, 7, 9, 10, 12]), 1)
    first = base + dice.below(40)
    var ids: [Int64] = []
    for _ in 0..<(people ?? 6 + dice.below(6)) {
      ids.append((ids.last ?? 0) + Int64(1 + dice.below(3)))
    }
    customers = ids
    var events: [ShopEvent] = []
    for number in 0..<count {
      var event = Self.event(
        number, customers: ids, first: first, length: length, zone: zone, &dice)
      if let other = events.last, dice.chance(12) { event.at = other.at }
      if let other = events.last, dice.chance(45) {
        event.customer = other.customer
        if dice.chance(60) { event.item = other.item }
        let gap = dice.chance(50) ? Int64(dice.below(3_000)) * 1_000_000 : dice.pick(Self.gaps)
        event.at.microseconds = other.at.microseconds + gap + Int64(dice.below(3) - 1)
      }
      event.arrives = max(event.arrives, LocalDays(zone: zone).day(of: event.at))
      events.append(event)
      if dice.chance(5) {
        var again = dice.pick(events)
        again.arrives = again.arrives + dice.below(10)
        events.append(again)
      }
    }
    deliveries = events.sorted { $0.arrives < $1.arrives }
  }

  static func day(_ year: Int, _ month: Int, _ day: Int) throws -> Day {
    guard let day = Day(year: year, month: month, day: day) else { throw NoSuchDay() }
    return day
  }
  struct NoSuchDay: Error {}

  private static func event(
    _ number: Int, customers: [Int64], first: Day, length: Int, zone: Zone, _ dice: inout Dice
  ) -> ShopEvent {
    let day = first + dice.below(length)
    var at = Instant(
      microseconds: zone.midnight(day).microseconds + Int64(dice.below(86_400)) * 1_000_000
        + Int64(dice.below(1_000_000)))
    if dice.chance(20) {
      at.microseconds = zone.midnight(day).microseconds + Int64(dice.below(3) - 1)
    }
    let kind = dice.pick(kinds)
    let money = kind == "purchase" || kind == "refund"
    return ShopEvent(
      eventID: number, customer: dice.pick(customers), kind: kind, at: at,
      amount: money && !dice.chance(10) ? Int64(dice.below(2_000_000)) : nil,
      quantity: money && !dice.chance(20) ? Int64(dice.below(5)) : nil,
      arrives: day + (dice.chance(15) ? dice.below(60) : 0),
      item: dice.chance(85) ? dice.pick(["A1", "A2", "b'3", "ü"]) : nil,
      properties: properties(&dice))
  }

  private static func properties(_ dice: inout Dice) -> [String: ShopProperty] {
    var properties: [String: ShopProperty] = [:]
    if dice.chance(80) {
      properties["channel"] =
        dice.chance(85) ? .text(dice.pick(["web", "app", "shop"])) : .number(50_000)
    }
    if dice.chance(80) {
      properties["seconds"] =
        dice.chance(90) ? .number(Int64(dice.below(3000)) * 1000) : .text("long")
    }
    if dice.chance(50) { properties["promo"] = .boolean(dice.chance(50)) }
    return properties
  }

  /// What the loader keeps of the deliveries up to the end of a day: the first of each event id.
  package func known(through day: Day, from: Day? = nil) -> [ShopEvent] {
    var seen: Set<Int> = []
    return deliveries.filter { $0.arrives <= day && seen.insert($0.eventID).inserted }
      .filter { event in from.map { event.arrives > $0 } ?? true }
  }
}

/// Day tiles in memory, folded event by event.
package struct MemoryTiles {
  struct Key: Hashable {
    var customer: Int64
    var day: Day
  }
  private(set) var rows: [Key: [Measure: Int64]] = [:]

  package init(_ events: [ShopEvent], zone: Zone, measures: [Measure], before limit: Instant? = nil)
  {
    let days = LocalDays(zone: zone)
    for event in events {
      if let limit, event.at >= limit { continue }
      let key = Key(customer: event.customer, day: days.day(of: event.at))
      for measure in measures where event.passes(measure.filter) {
        let value = measure.value.number.map { event.number($0) ?? 0 } ?? 1
        rows[key, default: [:]][measure, default: 0] += value
      }
    }
  }

  /// Exactly what a read asks for.
  package func batch(_ read: TileRead) -> TileBatch {
    var batch = TileBatch(measures: read.measures)
    for (key, row) in rows where read.days.contains(key.day) {
      batch.append(
        customer: key.customer, day: key.day, values: read.measures.map { row[$0] ?? 0 })
    }
    return batch
  }
}

/// Events in memory, as the database gives them for a read.
package struct MemoryStreams {
  private let all: [ShopEvent]
  private let late: [ShopEvent]

  /// All events known, and those of them that came since the state was made.
  package init(_ all: [ShopEvent], late: [ShopEvent]) {
    self.all = all
    self.late = late
  }

  /// Exactly what a read asks for.
  package func batch(_ read: StreamRead) -> StreamBatch {
    let shape = read.shape
    var batch = StreamBatch(shape: shape)
    var customers: Set<Int64>?
    var events = all
    switch read.purpose {
    case .late: events = late
    case .again(let again): customers = Set(again)
    case .entering, .edge: break
    }
    for event in events where event.at < read.to && event.at >= read.from ?? event.at {
      guard customers?.contains(event.customer) ?? true,
        let kind = shape.kinds.firstIndex(of: event.kind)
      else { continue }
      batch.customers.append(event.customer)
      batch.times.append(event.at.microseconds)
      batch.kinds.append(Int32(kind))
      var words = [Int64](repeating: 0, count: shape.words)
      for (place, condition) in shape.conditions.enumerated()
      where event.matches(condition) == true {
        words[place / 62] |= 1 << Int64(place % 62)
      }
      batch.bits += words
      batch.numbers += shape.numbers.map { event.number($0) ?? StreamBatch.absent }
      batch.keys += shape.keys.map { key in
        event.key(key).map { EventKey.hash(Array($0.utf8)) } ?? 0
      }
    }
    return batch
  }
}
