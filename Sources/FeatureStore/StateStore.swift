import Columns
import Features
import Schedules
import Warehouse

/// The stored states of the sweep, so that a nightly step starts from yesterday and not from nothing.
///
/// Each customer range has a state of its own. A day's states count where together they hold everyone.
public struct StateStore: Sendable {
  let pool: ConnectionPool
  let zone: Zone
  let cache: StateCache
  private let cacheBytes: Int
  private let isLimited: Bool
  /// Columns fetched at a time: their bytes stand in memory twice until they are decoded.
  static let columnsAtOnce = 8

  /// The states of a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone, limits: ResourceLimits = .process) {
    self.pool = pool
    self.zone = zone
    cache = StateCache.shared
    cacheBytes = limits.cacheBytes
    isLimited = limits.memoryBytes != nil
  }

  /// A state with the version of the tiles that it was made from.
  public struct Stored: Sendable {
    /// The state; it may lack slots that were not stored.
    public let state: FeatureState
    /// Loads folded at a later version are not in the state.
    public let tileVersion: Int64

    /// A state made from the tiles of a version.
    public init(state: FeatureState, tileVersion: Int64) {
      self.state = state
      self.tileVersion = tileVersion
    }
  }

  /// The newest state of everyone at the end of `day` or earlier, with those of `slots` that it has.
  ///
  /// - Returns: nil where no state is stored.
  /// - Throws: ``FeatureError`` `features.damaged_column`; ``WarehouseError``.
  public func newest(
    through day: Day, slots: [StateSlot], rings: [RingSlot] = []
  ) async throws -> Stored? {
    try await pool.withConnection { connection in
      guard let set = try await newestSet(through: day, on: connection) else { return nil }
      return try await load(.all, from: set, slots: slots, rings: rings, on: connection)
    }
  }

  /// Stores the state of a range in place of that of the same day, in one transaction.
  ///
  /// States of the day by other ranges are dropped, so that the day never has two cuts.
  /// - Throws: ``FeatureStoreError`` `feature_store.no_day` for a state before any day.
  public func save(
    _ state: FeatureState, of range: CustomerRange = .all, tileVersion: Int64
  ) async throws {
    try await pool.withConnection { connection in
      try await save(state, of: range, tileVersion: tileVersion, on: connection)
    }
  }

  func save(
    _ state: FeatureState, of range: CustomerRange, tileVersion: Int64, on connection: Connection
  ) async throws {
    guard let day = state.day else {
      throw FeatureStoreError(
        code: "feature_store.no_day", message: "expected a state at the end of a day, found none")
    }
    let row = StoredExtent(range)
    let saved = try await connection.transaction { connection in
      try await connection.execute(
        SQL(file: "queries/features/replace_state.sql", row.number, day, row.count))
      let stored = try await connection.first(
        SQL(
          file: "queries/features/insert_state.sql", row.number, row.count, row.firstID, row.endID,
          row.firstHash, row.lastHash, day, zone.name, tileVersion, Int64(state.index.count),
          ColumnCodec.encode(state.index)))
      guard let stored else { return StateCache.Key?.none }
      let id: Int64 = try stored.get("state_id")
      for start in stride(from: 0, to: state.slots.count, by: Self.columnsAtOnce) {
        let places = start..<min(start + Self.columnsAtOnce, state.slots.count)
        _ = try await connection.pipeline(
          places.map { place in
            SQL(
              file: "queries/features/insert_state_column.sql", id, state.slots[place].name,
              ColumnCodec.encode(state.slots[place].nullable(state.values[place])))
          })
      }
      for column in state.rings {
        try await connection.execute(
          SQL(
            file: "queries/features/insert_state_column.sql", id, column.slot.name,
            RingCodec.encode(column)))
      }
      return key(id, try stored.get("created_at"))
    }
    if let saved { cache.keep(state, as: saved, limit: cacheBytes) }
  }

  /// Reads the states of a day that are to be gone on from, so that they need not be waited for then.
  ///
  /// Not where memory is limited, nor where they are large.
  func readAhead(
    _ set: StoredSet, slots: [StateSlot], rings: [RingSlot], on connection: Connection
  ) async throws {
    let bytes = set.customers * 8 * (slots.count + 4 * rings.count + 2)
    if isLimited || bytes > cacheBytes / 2 { return }
    for part in set.parts {
      let key = key(part.stateID, part.createdAt)
      let found = try await load(part.range, from: set, slots: slots, rings: rings, on: connection)
      if let found { cache.keep(found.state, as: key, limit: cacheBytes, isTakenOut: true) }
    }
  }

  /// Drops all but the states of the newest days, and of a day that is still needed; returns how many.
  @discardableResult
  public func prune(keeping days: Int, and day: Day? = nil) async throws -> Int {
    try await pool.execute(SQL(file: "queries/features/prune_states.sql", Int64(days), day))
  }

  func key(_ id: Int64, _ createdAt: Instant) -> StateCache.Key {
    StateCache.Key(pool.options, id, createdAt: createdAt)
  }
}

extension StateSlot {
  /// A last day that never was is stored as null: the sentinel would take ten bytes.
  fileprivate func nullable(_ values: [Int64]) -> Dense<Int64> {
    if case .sum = fold { return Dense(values) }
    return Dense(
      values, present: Bitset(count: values.count) { values[$0] != FeatureState.never })
  }

  func dense(_ column: Dense<Int64>) -> [Int64] {
    guard let present = column.present else { return column.values }
    return column.values.indices.map { present[$0] ? column.values[$0] : FeatureState.never }
  }
}
