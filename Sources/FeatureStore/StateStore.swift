import Columns
import Features
import Schedules
import Warehouse

/// The stored states of the sweep, so that a nightly step starts from yesterday and not from nothing.
public struct StateStore: Sendable {
  let pool: ConnectionPool
  let zone: Zone

  /// The states of a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone) {
    self.pool = pool
    self.zone = zone
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

  /// The newest state at the end of `day` or earlier, with those of `slots` that it has.
  ///
  /// - Returns: nil where no state is stored.
  /// - Throws: ``FeatureError`` `features.damaged_column`; ``WarehouseError``.
  public func newest(
    through day: Day, slots: [StateSlot], rings: [RingSlot] = [], range: Int = 0
  ) async throws -> Stored? {
    try await pool.withConnection { connection in
      try await newest(through: day, slots: slots, rings: rings, range: range, on: connection)
    }
  }

  func newest(
    through day: Day, slots: [StateSlot], rings: [RingSlot], range: Int, on connection: Connection
  ) async throws -> Stored? {
    let found = try await connection.first(
      SQL(file: "queries/features/find_state.sql", Int16(range), day, zone.name))
    guard let found else { return nil }
    let index = try ColumnCodec.decodeIndex(try found.get("ids", as: [UInt8].self))
    let rows = try await connection.query(
      SQL(
        file: "queries/features/read_state_columns.sql", try found.get("state_id", as: Int64.self),
        slots.map(\.name) + rings.map(\.name)))
    let byName = Dictionary(slots.map { ($0.name, $0) }) { first, _ in first }
    let ringsByName = Dictionary(rings.map { ($0.name, $0) }) { first, _ in first }
    var columns: [(slot: StateSlot, values: [Int64])] = []
    var foundRings: [RingColumn] = []
    for row in rows {
      let name: String = try row.get("slot")
      if let ring = ringsByName[name] {
        foundRings.append(
          try RingCodec.decode(try row.get("bytes", as: [UInt8].self), slot: ring))
        continue
      }
      guard let slot = byName[name] else { continue }
      let column = try ColumnCodec.decode(try row.get("bytes", as: [UInt8].self))
      columns.append((slot, slot.dense(column)))
    }
    return Stored(
      state: try FeatureState(
        range: range, index: index, day: try found.get("day"), columns: columns,
        rings: foundRings),
      tileVersion: try found.get("tile_version"))
  }

  /// Stores a state in place of the one of the same day and range, in one transaction.
  ///
  /// - Throws: ``FeatureStoreError`` `feature_store.no_day` for a state before any day.
  public func save(_ state: FeatureState, tileVersion: Int64) async throws {
    guard let day = state.day else {
      throw FeatureStoreError(
        code: "feature_store.no_day", message: "expected a state at the end of a day, found none")
    }
    let ids = ColumnCodec.encode(state.index)
    try await pool.transaction { connection in
      try await connection.execute(
        SQL(file: "queries/features/replace_state.sql", Int16(state.range), day))
      let stored = try await connection.first(
        SQL(
          file: "queries/features/insert_state.sql", Int16(state.range), day, zone.name,
          tileVersion, Int64(state.index.count), ids))
      guard let id = try stored?.get("state_id", as: Int64.self) else { return }
      _ = try await connection.pipeline(
        zip(state.slots, state.values).map { slot, values in
          SQL(
            file: "queries/features/insert_state_column.sql", id, slot.name,
            ColumnCodec.encode(slot.nullable(values)))
        }
          + state.rings.map { column in
            SQL(
              file: "queries/features/insert_state_column.sql", id, column.slot.name,
              RingCodec.encode(column))
          })
    }
  }

  /// Drops all but the states of the newest days; returns how many.
  @discardableResult
  public func prune(keeping days: Int) async throws -> Int {
    try await pool.execute(SQL(file: "queries/features/prune_states.sql", Int64(days)))
  }
}

extension StateSlot {
  /// A last day that never was is stored as null: the sentinel would take ten bytes.
  fileprivate func nullable(_ values: [Int64]) -> Dense<Int64> {
    if case .sum = fold { return Dense(values) }
    return Dense(
      values, present: Bitset(count: values.count) { values[$0] != FeatureState.never })
  }

  fileprivate func dense(_ column: Dense<Int64>) -> [Int64] {
    guard let present = column.present else { return column.values }
    return column.values.indices.map { present[$0] ? column.values[$0] : FeatureState.never }
  }
}
