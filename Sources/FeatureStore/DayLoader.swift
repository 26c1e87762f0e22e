import Columns
import Features
import Schedules
import Synchronization
import Warehouse

/// Streams tiles and events into a sweep over many days.
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

  /// What is read in one go.
  private enum Read: Sendable {
    case tiles(TileRead)
    case events(StreamRead)
  }

  /// Reads all that the sweep needs, whose first stop is where its state stands.
  func read(_ sql: TileSQL, in snapshot: SharedSnapshot) async throws {
    let (tiles, events) = sweep.withLock { ($0.tileReads, $0.stepRead) }
    // Most of it is the server's work: two reads at a time.
    _ = try await snapshot.each(
      tiles.map(Read.tiles) + (events.map { [.events($0)] } ?? []), atOnce: 2
    ) { read, connection in
      switch read {
      case .tiles(let read): try await self.read(read, sql, connection)
      case .events(let read): try await self.read(read, sql, connection)
      }
    } store: { _, _, _ in
    }
  }

  private func read(_ read: TileRead, _ sql: TileSQL, _ connection: Connection) async throws {
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

  private func read(_ read: StreamRead, _ sql: TileSQL, _ connection: Connection) async throws {
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
