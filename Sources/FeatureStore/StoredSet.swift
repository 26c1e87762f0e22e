import Columns
import Features
import Schedules
import Warehouse

/// The states of one day that together hold every customer once.
struct StoredSet: Sendable, Equatable {
  /// The state of one range.
  struct Part: Sendable, Equatable {
    let stateID: Int64
    let createdAt: Instant
    let range: CustomerRange
    let tileVersion: Int64
    let customers: Int
  }

  let day: Day
  /// In the order of the ranges.
  let parts: [Part]

  /// How many customers they hold.
  var customers: Int { parts.reduce(0) { $0 + $1.customers } }
  /// Their ranges.
  var ranges: [CustomerRange] { parts.map(\.range) }
}

/// How `features.state` says what a range holds.
struct StoredExtent: Equatable {
  let number: Int16
  let count: Int16
  var firstID: Int64?
  var endID: Int64?
  var firstHash: Int32?
  var lastHash: Int32?

  init(_ range: CustomerRange) {
    number = Int16(range.number)
    count = Int16(range.count)
    switch range.extent {
    case .identifiers(let first, let end): (firstID, endID) = (first, end)
    case .hashes(let bucket): (firstHash, lastHash) = (bucket.low, bucket.high)
    }
  }

  init(_ row: Row) throws {
    number = try row.get("range_number")
    count = try row.get("range_count")
    firstID = try row.get("first_id")
    endID = try row.get("end_id")
    firstHash = try row.get("first_hash")
    lastHash = try row.get("last_hash")
  }

  var extent: CustomerRange.Extent {
    if let firstHash, let lastHash {
      return .hashes(CustomerRange.Bucket(low: firstHash, high: lastHash))
    }
    return .identifiers(first: firstID, end: endID)
  }
}

extension StateStore {
  /// The newest day through `day` whose states hold everyone once; nil where there is none.
  func newestSet(through day: Day, on connection: Connection) async throws -> StoredSet? {
    let rows = try await connection.query(
      SQL(file: "queries/features/list_states.sql", day, zone.name))
    var start = rows.startIndex
    while start < rows.endIndex {
      let day: Day = try rows[start].get("day")
      var end = start
      while end < rows.endIndex, try rows[end].get("day", as: Day.self) == day { end += 1 }
      if let set = try Self.set(day, rows[start..<end]) { return set }
      start = end
    }
    return nil
  }

  private static func set(_ day: Day, _ rows: ArraySlice<Row>) throws -> StoredSet? {
    let extents = try rows.map(StoredExtent.init)
    guard extents.allSatisfy({ $0.count == extents.count }),
      extents.enumerated().allSatisfy({ $0.offset == Int($0.element.number) }),
      let ranges = CustomerRange.ranges(of: extents.map(\.extent))
    else { return nil }
    let parts = try zip(rows, ranges).map { row, range in
      StoredSet.Part(
        stateID: try row.get("state_id"), createdAt: try row.get("created_at"), range: range,
        tileVersion: try row.get("tile_version"),
        customers: Int(try row.get("customers", as: Int64.self)))
    }
    return StoredSet(day: day, parts: parts)
  }

  /// The state of a range, also one by which the set is not cut: then of all parts that share
  /// customers with it what lies inside.
  ///
  /// - Returns: nil where those parts were made from different tiles.
  /// - Throws: ``FeatureError`` `features.damaged_column`; ``WarehouseError``.
  func load(
    _ range: CustomerRange, from set: StoredSet, slots: [StateSlot], rings: [RingSlot],
    on connection: Connection
  ) async throws -> Stored? {
    let parts = set.parts.filter { range.overlaps($0.range) }
    guard let version = parts.first?.tileVersion,
      parts.allSatisfy({ $0.tileVersion == version })
    else { return nil }
    if parts.count == 1, parts[0].range.extent == range.extent,
      let kept = cache.state(key(parts[0].stateID, parts[0].createdAt)),
      slots.allSatisfy(kept.slots.contains), rings.allSatisfy({ kept.ring(of: $0) != nil })
    {
      return Stored(state: kept, tileVersion: version)
    }
    var states: [FeatureState] = []
    for part in parts {
      states.append(
        try await load(part, range, set.day, slots: slots, rings: rings, on: connection))
    }
    let known = states.map { Set($0.slots) }
    let common = slots.filter { slot in known.allSatisfy { $0.contains(slot) } }
    let ringsKnown = rings.filter { ring in states.allSatisfy { $0.ring(of: ring) != nil } }
    return try FeatureState.joined(states.map { $0.with(slots: common, rings: ringsKnown) })
      .map { Stored(state: $0, tileVersion: version) }
  }

  /// What of a part lies in a range.
  private func load(
    _ part: StoredSet.Part, _ range: CustomerRange, _ day: Day, slots: [StateSlot],
    rings: [RingSlot], on connection: Connection
  ) async throws -> FeatureState {
    let found = try await connection.first(
      SQL(file: "queries/features/find_state_ids.sql", part.stateID))
    let all = try ColumnCodec.decodeIndex(try found?.get("ids", as: [UInt8].self) ?? [])
    let isWhole = part.range.extent == range.extent || range == .all
    let sources = isWhole ? [] : all.ids.indices.filter { range.contains(all.ids[$0]) }
    let index = isWhole ? all : IDIndex(sorted: sources.map { all.ids[$0] })
    let byName = Dictionary(slots.map { ($0.name, $0) }) { first, _ in first }
    let ringsByName = Dictionary(rings.map { ($0.name, $0) }) { first, _ in first }
    // A few at a time; a ring is large, so each for itself.
    let names = slots.map(\.name)
    var groups = stride(from: 0, to: names.count, by: Self.columnsAtOnce).map {
      Array(names[$0..<min($0 + Self.columnsAtOnce, names.count)])
    }
    groups += rings.map { [$0.name] }
    var columns: [(slot: StateSlot, values: [Int64])] = []
    var foundRings: [RingColumn] = []
    for group in groups {
      let rows = try await connection.query(
        SQL(file: "queries/features/read_state_columns.sql", part.stateID, group))
      for row in rows {
        let name: String = try row.get("slot")
        let bytes: [UInt8] = try row.get("bytes")
        if let ring = ringsByName[name] {
          let column = try RingCodec.decode(bytes, slot: ring)
          foundRings.append(isWhole ? column : column.rearranged(sources))
        } else if let slot = byName[name] {
          let values = slot.dense(try ColumnCodec.decode(bytes))
          guard values.count == all.count else { throw Self.damaged(all.count, values.count, name) }
          columns.append((slot, isWhole ? values : sources.map { values[$0] }))
        }
      }
    }
    return try FeatureState(
      range: range.number, index: index, day: day, columns: columns, rings: foundRings)
  }

  private static func damaged(_ expected: Int, _ found: Int, _ name: String) -> FeatureError {
    FeatureError(
      code: "features.damaged_state",
      message: "expected \(expected) values of \(name), found \(found)",
      hint: "delete the stored state: it is rebuilt from the tiles")
  }
}
