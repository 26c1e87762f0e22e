import Features
import Schedules
import Synchronization
import Warehouse

/// Streams tiles and late events from one connection into sweeps.
///
/// The rows are decoded and counted on the connection's thread while the server prepares the next.
final class TileLoader: Sendable {
  /// Rows decoded before a batch is counted: a batch of a few measures fits the cache.
  private static let batchRows = 4096

  // A lock and not a value passed along: the sweeps' arrays must never be copied, and one lock per
  // batch costs nothing.
  private let sweeps: Mutex<[Sweep]>
  private let rows = Mutex(0)

  init(_ sweeps: [Sweep]) { self.sweeps = Mutex(sweeps) }

  /// The states once everything was read; the loader is empty afterwards.
  func finish() -> [FeatureState] {
    sweeps.withLock { sweeps in
      let states = sweeps.map { $0.finish() }
      sweeps = []
      return states
    }
  }

  /// The number of rows read so far.
  var rowCount: Int { rows.withLock { $0 } }

  /// What the sweeps need together.
  var reads: [TileRead] { sweeps.withLock { Sweep.reads(for: $0) } }

  /// The day whose end the first sweep started from.
  var from: Day? { sweeps.withLock { $0.first?.from } }

  /// The measures whose late arrivals the first sweep needs.
  var lateMeasures: [Measure] { sweeps.withLock { $0.first?.lateMeasures ?? [] } }

  /// Runs a COPY of rows (customer, day number, measures) and counts them in.
  func load(
    _ sql: SQL, measures: [Measure], as kind: Sweep.Rows = .tiles, on connection: Connection
  ) async throws {
    let rest = try await connection.copyOut(sql, into: TileBatch(measures: measures)) {
      batch, bytes in
      var row = CopyText(bytes)
      let customer = try row.integer()
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
    try sweeps.withLock { sweeps in
      for position in sweeps.indices { try sweeps[position].apply(batch, as: kind) }
    }
  }
}
