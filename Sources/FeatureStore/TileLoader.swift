import Features
import Schedules
import Synchronization
import Warehouse

/// Streams tiles and events from one connection into advances of states.
///
/// The rows are decoded and counted on the connection's thread while the server prepares the next.
final class TileLoader: Sendable {
  /// Rows decoded before a batch is counted: a batch of a few measures fits the cache.
  private static let batchRows = 4096

  // A lock and not a value passed along: the states' arrays must never be copied, and one lock per
  // batch costs nothing.
  private let advances: Mutex<[StateAdvance]>
  private let rows = Mutex(0)
  /// Customers whose rows are passed over: they are built from nothing beside.
  private let without: Set<Int64>

  init(_ advances: [StateAdvance], without: Set<Int64> = []) {
    self.advances = Mutex(advances)
    self.without = without
  }

  /// The states once everything was read; the loader is empty afterwards.
  func finish() throws -> [FeatureState] {
    try advances.withLock { advances in
      let states = try advances.map { try $0.finish() }
      advances = []
      return states
    }
  }

  /// The number of rows read so far.
  var rowCount: Int { rows.withLock { $0 } }

  /// The tiles that the advances need together.
  var tileReads: [TileRead] { advances.withLock { StateAdvance.tileReads(for: $0) } }

  /// The events that each advance needs.
  var streamReads: [[StreamRead]] { advances.withLock { $0.map(\.streamReads) } }

  /// The events that each advance needs besides, after the others.
  var streamFollowUps: [[StreamRead]] { advances.withLock { $0.map(\.streamFollowUps) } }

  /// The day whose end the first advance started from.
  var from: Day? { advances.withLock { $0.first?.from } }

  /// The measures whose late arrivals the first advance needs.
  var lateMeasures: [Measure] { advances.withLock { $0.first?.lateMeasures ?? [] } }

  /// Runs a COPY of rows (customer, day number, measures) and counts them in.
  func load(
    _ sql: SQL, measures: [Measure], as kind: Sweep.Rows = .tiles, on connection: Connection
  ) async throws {
    let without = without
    let rest = try await connection.copyOut(sql, into: TileBatch(measures: measures)) {
      batch, bytes in
      var row = CopyText(bytes)
      let customer = try row.integer()
      if !without.isEmpty, without.contains(customer) { return }
      let day = Int32(truncatingIfNeeded: try row.integer())
      try batch.append(customer: customer, day: day) { try row.integer() }
      if batch.count == Self.batchRows {
        try self.apply(batch, as: kind)
        batch.removeAll()
      }
    }
    try apply(rest, as: kind)
  }

  private func apply(_ batch: TileBatch, as kind: Sweep.Rows) throws {
    rows.withLock { $0 += batch.count }
    try advances.withLock { advances in
      for position in advances.indices { try advances[position].apply(batch, as: kind) }
    }
  }

  /// Runs a COPY of events for one advance and counts them in.
  func load(
    _ sql: StreamSQL, _ read: StreamRead, for advance: Int, where loads: SQL,
    _ customers: CustomerChoice, on connection: Connection
  ) async throws {
    let without = without
    let start = StreamDecoding(read.shape, kinds: try sql.kinds())
    let copy = try sql.copy(where: loads, customers)
    let rest = try await connection.copyOut(copy, into: start) { decoding, bytes in
      try decoding.take(bytes, without: without)
      if decoding.batch.count == Self.batchRows {
        self.apply(decoding.batch, of: read, for: advance)
        decoding.removeAll()
      }
    }
    apply(rest.batch, of: read, for: advance)
  }

  private func apply(_ batch: StreamBatch, of read: StreamRead, for advance: Int) {
    rows.withLock { $0 += batch.count }
    advances.withLock { $0[advance].apply(batch, of: read) }
  }
}
