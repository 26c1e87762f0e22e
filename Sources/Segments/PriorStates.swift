import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Finds the state of the midnight before an as-of: stored, or folded forward over the midnights from
/// the nearest stored one or from the first midnight after the first event.
///
/// It holds raw memberships: what the rules say, before overrides and conflicts. A stored state counts
/// while nothing before its midnight was found out since: late events, corrections, merges, and
/// statements about profiles where the rules read them. So every road at an as-of, whenever it is run,
/// goes by the same state.
public struct PriorStates: Sendable {
  /// Gives a table of a midnight its scores.
  public typealias Supply = @Sendable (inout FeatureTable) async throws -> Void

  /// What the rules need to know of the midnight before.
  public let needs: PriorNeeds
  private let pool: ConnectionPool
  private let zone: Zone
  private let clock: any WallClock
  private let evaluate: EvaluateSegments
  private let features: FeatureCatalogue
  private let meaning: String
  private let readsProfiles: Bool

  /// The states of a catalogue's rules; nil where no rule asks about the past.
  ///
  /// - Parameter attributes: what the project says of profile attributes.
  /// - Throws: `FeatureError` where the rules read a feature that is not there.
  public init?(
    _ segments: SegmentCatalogue, _ features: FeatureCatalogue, pool: ConnectionPool, zone: Zone,
    attributes: ProfileAttributes = .none, clock: any WallClock = SystemClock()
  ) throws {
    guard let needs = segments.priorNeeds else { return nil }
    self.needs = needs
    self.pool = pool
    self.zone = zone
    self.clock = clock
    let folded = segments.restricted(to: needs.segments)
    evaluate = EvaluateSegments(folded, needs: needs)
    self.features = try features.restricted(to: folded.attributes.map(\.name))
    let definitions = self.features.features.sorted { $0.name < $1.name }
    meaning = needs.meaning(
      of: segments, attributes: definitions.map { "\($0.name) \($0.meaning(attributes))" })
    readsProfiles = definitions.contains {
      if case .profile = $0.expression { true } else { false }
    }
  }

  private var days: LocalDays { LocalDays(zone: zone) }

  /// The state of the last local midnight before `asOf`.
  ///
  /// - Parameters:
  ///   - knownAt: folds from the first midnight with what was known at an instant, a build from nothing
  ///     for each; nil for what is known now.
  ///   - supply: gives the tables of midnights that are folded their scores.
  /// - Throws: what building the features throws; ``SegmentError`` `segments.evaluation_damaged`;
  ///   `WarehouseError`.
  public func before(
    _ asOf: Instant, knownAt: Instant? = nil, supply: Supply
  ) async throws -> PriorState {
    let midnight = zone.midnight(days.lastDay(before: asOf))
    if let knownAt { return try await known(at: knownAt, through: midnight, supply) }
    let stored = try await stored(through: midnight)
    if let stored, stored.midnight == midnight { return stored }
    guard let first = try await first(), first <= midnight else {
      return PriorState(before: midnight, zone: zone, needs)
    }
    var state = stored ?? PriorState(before: first, zone: zone, needs)
    let from = stored.map { $0.day + 1 } ?? days.day(of: first)
    let version = try await TileStore(pool: pool, zone: zone).version()
    var last: PriorState?
    let midnights = self.midnights(from: from, through: midnight)
    if midnights.isEmpty { return state }
    try await FeatureBuilder(pool: pool, zone: zone).sweep(features, over: midnights) { table in
      var table = table
      try await supply(&table)
      state = try advance(state, over: table)
      // Some on the way too, for days that are asked for later.
      if Self.isKept(state.day, at: days.day(of: midnight)),
        last.map({ $0.day < state.day }) ?? true
      {
        try await save(state, tileVersion: version)
        last = state
      }
    }
    try await prune(at: midnight)
    return state
  }

  /// The midnights from a day's on, each once: a date that a zone left out begins where the next does.
  private func midnights(from: Day, through midnight: Instant) -> [Instant] {
    var found: [Instant] = []
    for at in days.midnights(from: from, through: days.day(of: midnight))
    where found.last.map({ $0 < at }) ?? true { found.append(at) }
    return found
  }

  private func known(
    at instant: Instant, through midnight: Instant, _ supply: Supply
  ) async throws -> PriorState {
    guard let first = try await first(), first <= midnight else {
      return PriorState(before: midnight, zone: zone, needs)
    }
    let builder = KnownFeatures(pool: pool, zone: zone, knownAt: instant)
    var state = PriorState(before: first, zone: zone, needs)
    for at in midnights(from: days.day(of: first), through: midnight) {
      try Task.checkCancellation()
      var table = try await builder.build(features, asOf: at).table
      try await supply(&table)
      state = try advance(state, over: table)
    }
    return state
  }

  /// The state of a table's midnight from that of the midnight before.
  ///
  /// - Parameter table: everyone at the next midnight, with the scores that the rules read.
  public func advance(_ state: PriorState, over table: FeatureTable) throws -> PriorState {
    let outcome = try evaluate(over: table, prior: state)
    return outcome.next ?? state
  }

  /// Stores the state of a midnight and removes old ones.
  ///
  /// - Parameter tileVersion: that of the tiles before the evaluation.
  public func keep(_ state: PriorState, tileVersion: Int64) async throws {
    try await save(state, tileVersion: tileVersion)
    try await prune(at: state.midnight)
  }

  /// The version of the tiles: to be read before an evaluation whose state is kept.
  public func tileVersion() async throws -> Int64 {
    try await TileStore(pool: pool, zone: zone).version()
  }

  private func save(_ state: PriorState, tileVersion: Int64) async throws {
    _ = try await pool.execute(
      SQL(
        file: "queries/segments/upsert_prior_state.sql", state.midnight, meaning, tileVersion,
        clock.now(), Int64(state.customers.count), EvaluationCodec.encode(state.customers),
        state.encoded(needs)))
  }

  /// The newest stored state that still holds.
  private func stored(through midnight: Instant) async throws -> PriorState? {
    let found = try await pool.query(
      SQL(file: "queries/segments/list_prior_states.sql", meaning, midnight))
    var changes: [Int64: Instant?] = [:]
    for row in found {
      let at: Instant = try row.get("midnight")
      let version: Int64 = try row.get("tile_version")
      let changed: Instant?
      if let known = changes[version] {
        changed = known
      } else {
        changed = try await changedPast(since: version)
        changes[version] = .some(changed)
      }
      if let changed, changed < at { continue }
      guard
        let state = try await pool.first(
          SQL(file: "queries/segments/select_prior_state.sql", meaning, at))
      else { continue }
      let count = Int(try state.get("customers", as: Int64.self))
      return try PriorState(
        midnight: at, zone: zone,
        customers: EvaluationCodec.decodeIndex(state.get("ids", as: [UInt8].self), count: count),
        needs, decoding: state.get("memory", as: [UInt8].self))
    }
    return nil
  }

  /// From when on facts are others than at a version of the tiles; nil where none is.
  private func changedPast(since version: Int64) async throws -> Instant? {
    var found = [
      try await pool.first(SQL(file: "queries/segments/find_changed_past.sql", version))?
        .get("changed_at", as: Instant?.self)
    ]
    if readsProfiles {
      found.append(
        try await pool.first(SQL(file: "queries/segments/find_changed_profiles.sql", version))?
          .get("changed_at", as: Instant?.self))
    }
    return found.compactMap { $0 }.min()
  }

  /// The first midnight after the first event; nil without events.
  private func first() async throws -> Instant? {
    try await pool.first(SQL(file: "queries/features/find_first_event.sql"))?
      .get("first_occurred_at", as: Instant?.self).map { days.end(of: days.day(of: $0)) }
  }

  // MARK: Old states

  /// Whether the state of a day is kept once `now` is the last: the eight newest, and of older ones the
  /// fewer the older they are, so that no fold ever goes back more than twice as far as it must.
  public static func isKept(_ day: Day, at now: Day) -> Bool {
    let age = Int(now.number) - Int(day.number)
    if age < 8 { return true }
    let zeros = min(10, Int(day.number).trailingZeroBitCount)
    return age < 8 << zeros || zeros == 10
  }

  /// States of other rules are kept this long, in case the rules come back.
  private static let otherRules = 30 * 86_400_000_000 as Int64

  private func prune(at midnight: Instant) async throws {
    let rows = try await pool.query(SQL(file: "queries/segments/list_prior_midnights.sql"))
    let now = days.day(of: midnight)
    let old = clock.now().microseconds - Self.otherRules
    var gone: [(Instant, String)] = []
    for row in rows {
      let at: Instant = try row.get("midnight")
      let other: String = try row.get("meaning")
      let isOld = try row.get("created_at", as: Instant.self).microseconds < old
      if other == meaning ? !Self.isKept(days.day(of: at), at: now) : isOld {
        gone.append((at, other))
      }
    }
    if gone.isEmpty { return }
    _ = try await pool.execute(
      SQL(file: "queries/segments/delete_prior_states.sql", gone.map(\.0), gone.map(\.1)))
  }
}
