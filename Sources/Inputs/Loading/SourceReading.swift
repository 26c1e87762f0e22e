import Dispatch
import Schedules
import Synchronization
import Warehouse

/// Reads one source on a thread of its own and hands staged rows to whoever awaits them.
final class SourceReading: Sendable {
  /// What is known when everything has been read.
  struct Outcome: Sendable {
    var tally: Tally
    /// Of the file; nil for a query.
    var digest: String?
    var bytes: Int64
    /// The header of CSV rows; nil without one.
    var header: String?
    /// What each column was; see ``ColumnShapes``.
    var shape = ColumnShapes()
    /// The oldest transaction that was open in the other database; nil for other sources.
    var cut: Int64?
  }

  private struct State: Sendable {
    var outcome: Outcome?
    var progress: LoadProgress
  }

  // Some 10 MB: reading goes on while the server works on a batch.
  let channel = BatchChannel(depth: 40)
  private let state: Mutex<State>

  private init(bytesTotal: Int64?) {
    state = Mutex(
      State(
        progress: LoadProgress(
          phase: .reading, rowsRead: 0, bytesDone: 0, bytesTotal: bytesTotal)))
  }

  /// How far reading has come.
  var progress: LoadProgress { state.withLock { $0.progress } }

  /// What was read, once the batches have ended without an error.
  func outcome() throws -> Outcome {
    guard let outcome = state.withLock({ $0.outcome }) else { throw CancellationError() }
    return outcome
  }

  /// Starts to read a file; `now` is when the load began.
  static func file(_ source: SourceDefinition, path: String, now: Instant) -> SourceReading {
    let reading = SourceReading(bytesTotal: nil)
    // A queue of its own is a thread of its own: reading and waiting block it and nothing else.
    DispatchQueue(label: "strata.inputs.read").async {
      do {
        let opener = try FileOpener(path: path)
        let pipeline = RowPipeline(source: source, file: path, now: now) {
          try reading.channel.send($0)
        }
        reading.note(0, opener.file, 0)
        try pipeline.run(from: opener.content) { rows in
          reading.note(rows, opener.file, opener.file.position)
        }
        reading.end(
          Outcome(
            tally: pipeline.tally, digest: opener.file.digest, bytes: Int64(opener.file.position),
            header: pipeline.header, shape: ColumnShapes(of: source, pipeline.tally)))
      } catch {
        reading.channel.finish(throwing: error)
      }
    }
    return reading
  }

  private func note(_ rows: Int64, _ file: FileBytes, _ position: Int) {
    state.withLock {
      $0.progress.rowsRead = rows
      $0.progress.bytesDone = Int64(position)
      $0.progress.bytesTotal = Int64(file.size)
    }
  }

  private func note(_ rows: Int64) { state.withLock { $0.progress.rowsRead = rows } }

  private func end(_ outcome: Outcome) {
    state.withLock {
      $0.outcome = outcome
      $0.progress.rowsRead = outcome.tally.rowsRead
      $0.progress.bytesDone = outcome.bytes
    }
    channel.finish()
  }

  /// A pipeline that is used by one thread after another, never by two at a time.
  ///
  /// @unchecked Sendable: `COPY … TO` calls back on the connection's thread, one row after the
  /// other, and the last call has returned before the end is read.
  private struct Handed: @unchecked Sendable {
    let pipeline: RowPipeline
  }

  /// Starts to read the rows of a query, in this database or another one.
  ///
  /// The query has a connection of its own, so that a load never waits for a second one of the pool
  /// while it holds the first.
  static func query(
    _ query: QueryReading, options: ConnectionOptions, now: Instant
  ) -> SourceReading {
    let reading = SourceReading(bytesTotal: nil)
    let source = query.source
    let handed = Handed(
      pipeline: RowPipeline(source: source, file: nil, now: now) { try reading.channel.send($0) })
    Task {
      do {
        let connection = try await query.connect(options)
        let found: QueryReading.Found
        do {
          found = try await query.copy(on: connection) { rows, bytes in
            try handed.pipeline.push(bytes)
            if rows & 0xFFF == 0 { reading.note(rows) }
          }
          await connection.close()
        } catch {
          await connection.close()
          throw error
        }
        try await onThread { try handed.pipeline.finish() }
        reading.end(
          Outcome(
            tally: handed.pipeline.tally, digest: nil, bytes: 0, header: handed.pipeline.header,
            shape: found.shape, cut: found.cut))
      } catch {
        reading.channel.finish(throwing: error)
      }
    }
    return reading
  }

  /// Starts to read rows that were rejected before, each at the line that it had.
  static func replay(
    _ source: SourceDefinition, header: String?, rows: RejectedRows, now: Instant
  ) -> SourceReading {
    let reading = SourceReading(bytesTotal: nil)
    let handed = Handed(
      pipeline: RowPipeline(source: source, file: nil, now: now) { try reading.channel.send($0) })
    Task {
      do {
        try await onThread { try handed.pipeline.begin(header: header) }
        var read: Int64 = 0
        while let page = try await rows.page(after: read) {
          try await onThread {
            for row in page { try handed.pipeline.push(row: row.raw, line: row.line) }
          }
          read = page.last?.line ?? .max
          reading.note(handed.pipeline.tally.rowsRead)
        }
        try await onThread { try handed.pipeline.finish() }
        reading.end(
          Outcome(tally: handed.pipeline.tally, digest: nil, bytes: 0, header: header))
      } catch {
        reading.channel.finish(throwing: error)
      }
    }
    return reading
  }

  /// Runs blocking work away from the cooperative pool.
  static func onThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "strata.inputs.work").async {
        continuation.resume(with: Result { try work() })
      }
    }
  }

  /// Takes every batch; the reader is told to stop where the consumer fails or is cancelled.
  nonisolated(nonsending) func consume(
    _ take: nonisolated(nonsending) ([UInt8]) async throws -> Void
  ) async throws {
    do {
      for try await batch in channel.batches {
        try await take(batch)
        channel.taken()
      }
      try Task.checkCancellation()
    } catch {
      channel.stop()
      throw error
    }
  }
}
