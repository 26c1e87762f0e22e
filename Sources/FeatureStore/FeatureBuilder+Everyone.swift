import Columns
import Features
import Schedules
import Warehouse

/// What a build range by range came to.
public struct RangedBuild<Part: Sendable>: Sendable {
  /// What each range gave, in the order of the ranges.
  public let parts: [Part]
  /// The ranges.
  public let ranges: [CustomerRange]
  /// The version of the tiles that were read.
  public let tileVersion: Int64
  /// The day of the stored states that were advanced; nil where one was built from nothing.
  public let from: Day?
  /// The tile and event rows read.
  public let rowsRead: Int
  /// How many customers have features.
  public let customers: Int
}

/// Everyone, customer range by customer range: at no time does the memory hold more ranges than work
/// is done on, but for what the caller keeps of them.
extension FeatureBuilder {
  /// Brings the stored states to `asOf`, and stores them where it is a local midnight; nothing is
  /// kept.
  ///
  /// - Parameter choice: the ranges; ``RangeChoice/fixed(_:)`` with some of the ranges that hold
  ///   everyone for one worker's share, whose states count once the others are stored too.
  /// - Throws: as ``build(_:asOf:saving:by:)``.
  public func advanceStates(
    _ catalogue: FeatureCatalogue, to asOf: Instant, by choice: RangeChoice = .automatic
  ) async throws -> RangedBuild<Int> {
    let built = try await SharedSnapshot.read(pool) { snapshot in
      let work = try await work(catalogue, asOf, by: choice, on: snapshot.connection)
      return try await everyone(work, saving: true, snapshot) { swept, _, _ in swept.customers }
    }
    try await prune(asOf)
    return built
  }

  /// Reads the states that ``advanceStates(_:to:by:)`` goes on from, and makes room for those that it will
  /// store, beside what has to be done before it.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_column`; `WarehouseError`.
  public func readAhead(_ catalogue: FeatureCatalogue, to asOf: Instant) async throws {
    let day = days.lastDay(before: asOf)
    let set = try await pool.withConnection { connection in
      let set = try await states.newestSet(
        through: days.isMidnight(asOf) ? day : day - 1, on: connection)
      // Of the day itself they are read as they are.
      guard let set, set.day < day else { return StoredSet?.none }
      try await states.readAhead(
        set, slots: catalogue.slots, rings: catalogue.rings.map(\.slot), on: connection)
      return set
    }
    // The day that is to come will be one of those kept.
    if let set, days.isMidnight(asOf) {
      try await states.prune(keeping: Self.keptStates - 1, and: set.day)
    }
  }

  /// At most so many ranges for workers to share: those of the stored states from which `asOf` is
  /// reached, where they are cut into about as many.
  public func ranges(count: Int, asOf: Instant) async throws -> [CustomerRange] {
    let whole = days.isMidnight(asOf) ? asOf : days.zone.midnight(days.lastDay(before: asOf))
    return try await pool.withConnection { connection in
      let set = try await states.newestSet(through: days.lastDay(before: whole), on: connection)
      if let set, set.isCut(for: count) { return set.ranges }
      return try await CustomerRange.read(count: count, on: connection)
    }
  }

  /// Calls `body` with the features of each range at `asOf`, several at once; what it returns is all
  /// that is kept. Everything is read in one snapshot.
  ///
  /// - Parameters:
  ///   - population: features of which everyone's values at the last local midnight are needed
  ///     first; those of population-relative features come by themselves.
  ///   - wholeBytes: what the caller keeps of everyone, bytes per customer.
  ///   - supply: gives a table its scores.
  ///   - prepare: gets a table of everyone that has these features at least, and makes of it what all
  ///     ranges need.
  ///   - body: gets the features of a range; may take long, and has a thread of its own.
  /// - Throws: as ``build(_:asOf:saving:by:)``, and what the closures throw.
  public func eachRange<Shared: Sendable, Part: Sendable>(
    _ catalogue: FeatureCatalogue, asOf: Instant, by choice: RangeChoice = .automatic,
    population names: [String] = [], wholeBytes: Int = 0,
    supply: @escaping @Sendable (inout FeatureTable) async throws -> Void = { _ in },
    prepare: @escaping @Sendable (FeatureTable) async throws -> Shared,
    _ body: @escaping @Sendable (FeatureTable, Shared) async throws -> Part
  ) async throws -> RangedBuild<Part> {
    try await SharedSnapshot.read(pool) { snapshot in
      let work = try await work(
        catalogue, asOf, by: choice, whole: wholeBytes, on: snapshot.connection)
      let needed =
        names + catalogue.features.filter(\.isPopulationRelative).map(\.name)
      var known: (ranks: PopulationRanks, shared: Shared)?
      if work.ranges.count > 1 || !days.isMidnight(asOf) {
        var midnight = work
        midnight.catalogue = try catalogue.restricted(to: needed)
        midnight.asOf = days.lastMidnight(at: asOf)
        var table = try await table(midnight, snapshot)
        try await supply(&table)
        known = (try PopulationRanks(table), try await prepare(table))
      }
      let found = known
      return try await everyone(work, saving: false, snapshot) { swept, range, connection in
        var table = swept.table(work.catalogue, asOf, zone)
        if let found { try table.fix(at: found.ranks) }
        try await ProfileReader(catalogue).supply(&table, .range(range), on: connection)
        try await supply(&table)
        if let found { return try await body(table, found.shared) }
        return try await body(table, try await prepare(table))
      }
    }
  }

  // MARK: Whole tables

  /// Everyone's features in one table.
  func table(_ work: RangeWork, _ snapshot: SharedSnapshot) async throws -> FeatureTable {
    let swept = try await everyone(work, saving: false, snapshot) { swept, _, _ in swept }
    return try await table(work, swept.parts, snapshot)
  }

  /// The tables of all ranges as one.
  func table(
    _ work: RangeWork, _ parts: [SweptState], _ snapshot: SharedSnapshot
  ) async throws -> FeatureTable {
    let state =
      try FeatureState.joined(parts.map(\.state)) ?? FeatureState(slots: [], index: IDIndex([]))
    let population = parts.reduce(IDIndex([])) { $0.union($1.population) }
    var table = FeatureTable(
      catalogue: work.catalogue, asOf: work.asOf, zone: zone, state: state, population: population)
    if work.catalogue.isPopulationRelative, !days.isMidnight(work.asOf) {
      try table.fix(at: try await ranks(work.catalogue, work.asOf, snapshot))
    }
    try await ProfileReader(work.catalogue).supply(&table, .everyone, on: snapshot.connection)
    return table
  }

  /// Everyone's ranks at the last local midnight.
  func ranks(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, _ snapshot: SharedSnapshot
  ) async throws -> PopulationRanks {
    let work = try await work(
      try catalogue.populationRelative(), days.lastMidnight(at: asOf), by: .automatic,
      on: snapshot.connection)
    return try PopulationRanks(try await table(work, snapshot))
  }

  /// The same from a state of everyone that the caller holds.
  func ranks(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, _ stored: StateStore.Stored?,
    on connection: Connection
  ) async throws -> PopulationRanks {
    let catalogue = try catalogue.populationRelative()
    let midnight = days.lastMidnight(at: asOf)
    var start = stored
    let swept = try await swept(&start, catalogue, midnight, .everyone, on: connection)
    var table = swept.table(catalogue, midnight, zone)
    try await ProfileReader(catalogue).supply(&table, .everyone, on: connection)
    return try PopulationRanks(table)
  }

  // MARK: Ranges

  /// A build's work, cut into ranges.
  struct RangeWork: Sendable {
    var catalogue: FeatureCatalogue
    var asOf: Instant
    let ranges: [CustomerRange]
    let atOnce: Int
    /// The stored states to start from; nil for a build from nothing.
    let stored: StoredSet?
    /// Who is in the ranges.
    let known = KnownCustomers()
  }

  func work(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, by choice: RangeChoice, whole: Int = 0,
    on connection: Connection
  ) async throws -> RangeWork {
    try await check(catalogue, on: connection)
    let day = days.lastDay(before: asOf)
    let set = try await states.newestSet(
      through: days.isMidnight(asOf) ? day : day - 1, on: connection)
    let (ranges, atOnce) = try await cut(choice, catalogue, set, whole: whole, on: connection)
    return RangeWork(
      catalogue: catalogue, asOf: asOf, ranges: ranges, atOnce: atOnce, stored: set)
  }

  private func cut(
    _ choice: RangeChoice, _ catalogue: FeatureCatalogue, _ set: StoredSet?, whole: Int,
    on connection: Connection
  ) async throws -> (ranges: [CustomerRange], atOnce: Int) {
    switch choice {
    case .fixed(let ranges): return (ranges, limits.threads)
    case .count(let count):
      return (try await CustomerRange.read(count: count, on: connection), limits.threads)
    case .automatic: break
    }
    let customers = try await customers(set, on: connection)
    let history = try await connection.first(SQL(file: "queries/features/find_history.sql"))
    let events = Double(try history?.get("events", as: Int64.self) ?? 0)
    let first = try history?.get("first_at", as: Instant?.self)
    let last = try history?.get("last_at", as: Instant?.self)
    let span = first.flatMap { first in last.map { $0.microseconds - first.microseconds } } ?? 0
    let estimate = MemoryEstimate(
      catalogue, events: events / Double(max(1, customers)), days: Double(span) / 86_400e6,
      whole: whole)
    let (count, atOnce) = try estimate.ranges(customers: customers, limits: limits)
    if let set, set.isCut(for: count) { return (set.ranges, min(atOnce, set.parts.count)) }
    return (try await CustomerRange.read(count: count, on: connection), atOnce)
  }

  /// About how many customers there are.
  private func customers(_ set: StoredSet?, on connection: Connection) async throws -> Int {
    let bounds = try await connection.first(
      SQL(file: "queries/distribution/find_customer_bounds.sql"))
    let first = try bounds?.get("first", as: Int64?.self)
    let last = try bounds?.get("last", as: Int64?.self)
    guard let first, let last else { return 0 }
    // Ids are given out one after the other, so a count is needed only where the span says little.
    let (span, overflow) = last.subtractingReportingOverflow(first)
    if !overflow, let set, span < 2 * Int64(set.customers) { return Int(span) + 1 }
    return Int(
      try await connection.first(SQL(file: "queries/features/count_customers.sql"))?
        .get("customers", as: Int64.self) ?? 0)
  }

  /// Works through the ranges, several at once; `body` makes of each state what is kept.
  func everyone<Part: Sendable>(
    _ work: RangeWork, saving: Bool, _ snapshot: SharedSnapshot,
    _ body: @escaping @Sendable (SweptState, CustomerRange, Connection) async throws -> Part
  ) async throws -> RangedBuild<Part> {
    let limits = limits
    defer { limits.giveBack() }
    let found = try await snapshot.each(work.ranges, atOnce: work.atOnce) { range, connection in
      limits.giveBack()
      let (swept, isStored) = try await swept(work, range, on: connection)
      return FoundRange(
        part: try await body(swept, range, connection),
        saved: saving && days.isMidnight(work.asOf) && !isStored
          ? StateStore.Stored(state: swept.state.withoutEdges, tileVersion: swept.tileVersion)
          : nil,
        from: swept.from, rows: swept.rowsRead, customers: swept.customers,
        tileVersion: swept.tileVersion)
    } store: { range, found, connection in
      if let saved = found.saved {
        try await states.save(
          saved.state, of: range, tileVersion: saved.tileVersion, on: connection)
      }
      var kept = found
      kept.saved = nil
      return kept
    }
    return RangedBuild(
      parts: found.map(\.part), ranges: work.ranges,
      tileVersion: found.map(\.tileVersion).min() ?? 0,
      from: found.contains { $0.from == nil } ? nil : work.stored?.day,
      rowsRead: found.reduce(0) { $0 + $1.rows }, customers: found.reduce(0) { $0 + $1.customers })
  }

  private struct FoundRange<Part: Sendable>: Sendable {
    let part: Part
    /// To be stored.
    var saved: StateStore.Stored?
    let from: Day?
    let rows: Int
    let customers: Int
    let tileVersion: Int64
  }

  /// A range's state at the as-of, and whether it is stored as it is.
  private func swept(
    _ work: RangeWork, _ range: CustomerRange, on connection: Connection
  ) async throws -> (SweptState, isStored: Bool) {
    var stored: StateStore.Stored?
    if let set = work.stored {
      stored = try await states.load(
        range, from: set, slots: work.catalogue.slots,
        rings: work.catalogue.rings.map(\.slot), on: connection)
    }
    // Only where no day passes, so that the numbers of a step have one holder.
    let before = stored?.state.day == days.lastDay(before: work.asOf) ? stored : nil
    let swept = try await swept(
      &stored, work.catalogue, work.asOf, .range(range), everyone: work.stored?.customers,
      known: work.known, on: connection)
    let isStored =
      before?.tileVersion == swept.tileVersion && work.stored?.ranges.contains(range) == true
      && before?.state == swept.state.withoutEdges
    return (swept, isStored)
  }
}

extension SweptState {
  /// How many customers there are.
  var customers: Int { state.index.union(population).count }

  /// Their features; profile attributes are yet to be supplied.
  func table(_ catalogue: FeatureCatalogue, _ asOf: Instant, _ zone: Zone) -> FeatureTable {
    FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: zone, state: state, population: population)
  }
}

extension StoredSet {
  /// Whether a build that wants so many ranges may as well take these: a little finer or coarser.
  func isCut(for count: Int) -> Bool {
    guard parts.count >= count, parts.count <= 4 * count else { return false }
    let most = parts.map(\.customers).max() ?? 0
    return most * count <= customers * 3 / 2 + MemoryEstimate.usefulCustomers
  }
}

extension FeatureCatalogue {
  /// The population-relative features and what they are computed from.
  func populationRelative() throws -> FeatureCatalogue {
    try restricted(to: features.filter(\.isPopulationRelative).map(\.name))
  }
}

extension LocalDays {
  /// The last local midnight at an instant or before it.
  public func lastMidnight(at instant: Instant) -> Instant {
    isMidnight(instant) ? instant : zone.midnight(lastDay(before: instant))
  }
}
