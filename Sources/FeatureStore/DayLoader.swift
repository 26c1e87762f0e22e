import Columns
import Features
import Schedules
import Synchronization
import Warehouse

/// Streams tiles and events from one connection into a sweep over many days.
final class DayLoader: Sendable {
  private static let batchRows = 4096

  private let sweep: Mutex<DaySweep>
  private let rows = Mutex(0)

  init(_ sweep: sending DaySweep) { self.sweep = Mutex(sweep) }

  /// The number of rows read so far.
  var rowCount: Int { rows.withLock { $0 } }

  /// The state at the next midnight; nil after the last.
  func next(joining population: IDIndex) throws -> FeatureState? {
    try sweep.withLock { try $0.next(joining: population) }
  }

  /// Reads all that the sweep needs, whose first stop is where its state stands.
  func read(_ sql: TileSQL, on connection: Connection) async throws {
    for read in sweep.withLock({ $0.tileReads }) {
      let rest = try await connection.copyOut(
        sql.copyTiles(read, .everyone), into: TileBatch(measures: read.measures)
      ) { batch, bytes in
        var row = CopyText(bytes)
        let customer = try row.integer()
        let day = Int32(truncatingIfNeeded: try row.integer())
        try batch.append(customer: customer, day: day) { try row.integer() }
        if batch.count == Self.batchRows {
          try self.apply(batch)
          batch.removeAll()
        }
      }
      try apply(rest)
    }
    guard let read = sweep.withLock({ $0.stepRead }) else { return }
    let stream = StreamSQL(sql, read)
    let start = StreamDecoding(read.shape, kinds: try stream.kinds())
    let copy = try stream.copy(where: FeatureBuilder.folded, .everyone)
    let rest = try await connection.copyOut(copy, into: start) { decoding, bytes in
      try decoding.take(bytes, without: [])
      if decoding.batch.count == Self.batchRows {
        self.take(decoding.batch)
        decoding.removeAll()
      }
    }
    take(rest.batch)
  }

  private func apply(_ batch: TileBatch) throws {
    rows.withLock { $0 += batch.count }
    try sweep.withLock { try $0.apply(batch) }
  }

  private func take(_ batch: StreamBatch) {
    rows.withLock { $0 += batch.count }
    sweep.withLock { $0.take(batch) }
  }
}
