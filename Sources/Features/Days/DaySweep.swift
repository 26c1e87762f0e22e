import Columns
import Schedules

/// Moves a state over many local midnights and stops at each: what a nightly step does, many times,
/// from one reading.
///
/// Tiles and events of all the days are read once and kept, each measure only on the days on which
/// it enters or leaves a window. Every step is a ``StateAdvance`` that is given its part of them, so
/// a backfill and its nights cannot come to different features. Midnights need not be neighbours:
/// the days between two of them are one step.
///
/// A caller gives the tiles of ``tileReads``, the late tiles of ``lateMeasures``, the events of
/// ``streamReads``, then those of ``streamFollowUps``, and those of ``stepRead``; then it takes the
/// states one after the other with ``next(joining:)``.
public struct DaySweep: Sendable {
  private let catalogue: FeatureCatalogue
  private let days: LocalDays
  private let stops: [Instant]
  /// The first step, until it is taken.
  private var opening: StateAdvance?
  /// What the steps after the first read, each.
  private let plans: [[TileRead]]
  private let firstDay: Int32
  private var tiles: TileLibrary
  private var events: EventLibrary
  private var state: FeatureState?
  private var position = 0
  /// For each place of the tiles its row in the state's index, -1 for none.
  private var rows: (index: IDIndex, numbers: [Int32])?

  /// From a state, nil for a build from nothing, through `midnights`.
  ///
  /// - Parameters:
  ///   - midnights: where to stop: ends of local days, ascending, at least one.
  ///   - index: the customers expected at the first of them, where there is no state.
  ///   - expected: those who may come at all; others are found as they come, a little slower.
  ///   - range: the number of the customer range, where there is no state.
  /// - Throws: ``FeatureError`` `features.not_midnights`; `features.not_later` where the first
  ///   midnight is before the state's day.
  public init(
    _ state: FeatureState?, through midnights: [Instant], for catalogue: FeatureCatalogue,
    days: LocalDays, index: IDIndex = IDIndex([]), expected: IDIndex = IDIndex([]), range: Int = 0
  ) throws {
    guard let first = midnights.first, midnights.allSatisfy({ days.isMidnight($0) }),
      zip(midnights, midnights.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw FeatureError(
        code: "features.not_midnights",
        message: "expected local midnights in ascending order, found "
          + midnights.prefix(3).map { "\($0)" }.joined(separator: ", "),
        hint: "other instants are reached one by one")
    }
    self.catalogue = catalogue
    self.days = days
    stops = midnights
    firstDay = days.lastDay(before: first).number
    opening = try StateAdvance(
      state, to: first, for: catalogue, days: days, index: index, range: range)
    // What a step reads depends on the days alone, so a state of nobody tells it.
    var plans: [[TileRead]] = []
    var streams: [StreamRead] = []
    for (from, to) in zip(midnights, midnights.dropFirst()) {
      let step = try StateAdvance(
        .nobody(days.lastDay(before: from), catalogue), to: to, for: catalogue, days: days)
      plans.append(step.tileReads)
      streams += step.streamReads.filter { $0.purpose != .late }
    }
    self.plans = plans
    tiles = TileLibrary(plans.flatMap { $0 }, expected: expected)
    events = EventLibrary(streams, days: days)
  }

  // MARK: What to give

  /// The day whose end the state stood at; nil for a build from nothing.
  public var from: Day? { opening?.from }

  /// The tiles to give: each (customer, day, measure) once.
  public var tileReads: [TileRead] {
    var reads = opening?.tileReads ?? []
    reads += plans.flatMap { $0 }
    return TileRead.united(reads).flatMap { $0.parted(after: Day(number: firstDay)) }
  }

  /// The measures whose late arrivals on days up to ``from`` are to be given.
  public var lateMeasures: [Measure] { opening?.lateMeasures ?? [] }

  /// The events to give for the first step.
  public var streamReads: [StreamRead] { opening?.streamReads ?? [] }

  /// The events to give for the first step after those: of customers of late ones, again.
  public var streamFollowUps: [StreamRead] { opening?.streamFollowUps ?? [] }

  /// The events to give for all other steps; nil where they need none.
  public var stepRead: StreamRead? { events.read }

  /// Counts tiles of one read in.
  ///
  /// - Throws: ``FeatureError`` `features.overflow`.
  public mutating func apply(_ batch: TileBatch, as kind: Sweep.Rows = .tiles) throws {
    if kind == .late || batch.days.first.map({ $0 <= firstDay }) ?? false {
      try opening?.apply(batch, as: kind)
    }
    if kind == .tiles { tiles.add(batch) }
  }

  /// Counts events of ``streamReads`` or ``streamFollowUps`` in.
  public mutating func apply(_ batch: StreamBatch, of read: StreamRead) {
    opening?.apply(batch, of: read)
  }

  /// Takes events of ``stepRead`` in.
  public mutating func take(_ batch: StreamBatch) { events.add(batch) }

  // MARK: Steps

  /// The state at the next midnight, for the customers who were found and those of `population`;
  /// nil after the last.
  ///
  /// - Throws: ``FeatureError`` `features.overflow`.
  public mutating func next(joining population: IDIndex = IDIndex([])) throws -> FeatureState? {
    guard stops.indices.contains(position) else { return nil }
    let step = position
    position += 1
    if let opening {
      self.opening = nil
      var reached = try opening.finish()
      reached.grow(to: reached.index.union(population))
      state = reached
      return reached
    }
    guard var held = state else { return nil }
    // Nobody else holds it from here on, so that its arrays are changed in place.
    state = nil
    let plan = plans[step - 1]
    place(in: held.index)
    let newcomers = customers(in: plan)
    held.grow(to: held.index.union(population).union(IDIndex(newcomers)))
    place(in: held.index)
    var advance = try StateAdvance(held, to: stops[step], for: catalogue, days: days)
    _ = consume held
    if let rows { try advance.apply(tiles, plan, rows: rows.numbers) }
    for read in advance.streamReads where read.purpose != .late {
      for batch in events.batches(for: read) { advance.apply(batch, of: read) }
    }
    state = try advance.finish()
    return state
  }

  /// Finds the rows of the tiles' customers in an index.
  private mutating func place(in index: IDIndex) {
    if let rows, rows.index == index { return }
    rows = (index, tiles.customers.map { Int32(index.row(of: $0) ?? -1) })
  }

  /// The customers of a plan's tiles whom the state lacks.
  private func customers(in plan: [TileRead]) -> Set<Int64> {
    guard let rows, rows.numbers.contains(-1) else { return [] }
    var found: Set<Int64> = []
    for read in plan {
      for (measure, day) in read.cells {
        _ = tiles.cells(measure, day)?.first { place, _ in
          if rows.numbers[Int(place)] < 0 { found.insert(tiles.customers[Int(place)]) }
          return false
        }
      }
    }
    return found
  }
}

extension StateAdvance {
  /// Counts the kept tiles of its reads in; `rows` are the state's rows of their places.
  mutating func apply(_ tiles: TileLibrary, _ reads: [TileRead], rows: [Int32]) throws {
    for read in reads {
      for (measure, day) in read.cells {
        guard let cells = tiles.cells(measure, day) else { continue }
        try apply(cells, of: measure, on: day, rows: rows)
      }
    }
  }
}

extension FeatureState {
  /// A state without customers at the end of a day, with all that a catalogue needs.
  static func nobody(_ day: Day, _ catalogue: FeatureCatalogue) -> FeatureState {
    let index = IDIndex([])
    var state = FeatureState(slots: catalogue.slots, index: index)
    state.day = day
    state.rings = catalogue.rings.map {
      RingColumn(slot: $0.slot, reach: $0.reach, ring: Ring(rows: 0))
    }
    return state
  }

  /// Takes more customers in, who have no events; in place where they come last.
  ///
  /// - Precondition: `other` holds every customer of the state.
  mutating func grow(to other: IDIndex) {
    guard other != index else { return }
    guard other.count > index.count, other.ids.starts(with: index.ids) else {
      self = reindexed(to: other)
      return
    }
    let more = other.count - index.count
    for (position, slot) in slots.enumerated() {
      values[position].append(contentsOf: repeatElement(slot.initial, count: more))
    }
    for position in rings.indices { rings[position].ring.grow(by: more) }
    for position in edges.indices { edges[position].ring.grow(by: more) }
    index = other
  }
}

extension Ring {
  /// Adds customers without entries at the end.
  mutating func grow(by rows: Int) {
    starts.append(contentsOf: repeatElement(starts[starts.count - 1], count: rows))
  }
}

extension TileRead {
  /// Its days and measures, one by one; days without bound have none.
  var cells: [(measure: Measure, day: Int32)] {
    guard days.first != DaySpan.unbounded, !days.isEmpty else { return [] }
    return (days.first.number...days.last.number).flatMap { day in measures.map { ($0, day) } }
  }

  /// The read up to a day, and the rest of it.
  func parted(after day: Day) -> [TileRead] {
    guard days.first <= day, days.last > day else { return [self] }
    return [
      TileRead(days: DaySpan(first: days.first, last: day), measures: measures),
      TileRead(days: DaySpan(first: day.after, last: days.last), measures: measures),
    ]
  }

  /// Reads that ask for the same, each (day, measure) once: disjoint in days, ascending.
  static func united(_ reads: [TileRead]) -> [TileRead] {
    let starts = Set(reads.map(\.days.first)).union(reads.map(\.days.last.after)).sorted()
    var united: [TileRead] = []
    for (start, end) in zip(starts, starts.dropFirst()) {
      let measures = Set(reads.filter { $0.days.contains(start) }.flatMap(\.measures)).sorted()
      guard !measures.isEmpty else { continue }
      if let last = united.last, last.days.last.after == start, last.measures == measures {
        united[united.count - 1] = TileRead(
          days: DaySpan(first: last.days.first, last: end.before), measures: measures)
      } else {
        united.append(TileRead(days: DaySpan(first: start, last: end.before), measures: measures))
      }
    }
    return united
  }
}
