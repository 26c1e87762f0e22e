import Logging
import Pipeline
import Schedules
import Synchronization

/// Collects the log lines of an attempt until the ledger writes them.
///
/// Logging never waits: lines stand in memory, bounded, and the worker takes them in batches, at the
/// latest in the transaction that records the attempt's end.
final class LogBuffer: Sendable {
  /// A line with its place in the order of the attempt.
  struct Numbered: Sendable {
    let sequence: Int64
    let line: LogLine
  }

  private struct State {
    var lines: [Numbered] = []
    var sequence: Int64
    var dropped = 0
    var isAnnounced = false
  }

  /// Lines held at most; further ones are counted, and the count is logged.
  private static let limit = 20_000
  private let state: Mutex<State>
  private let announce: @Sendable () -> Void
  private let dropped: @Sendable (Int) -> Void

  /// A buffer that calls `announce` when the first line after a `take` arrives, and `dropped` with
  /// the lines that it could not keep.
  init(
    firstSequence: Int64, dropped: @escaping @Sendable (Int) -> Void = { _ in },
    announce: @escaping @Sendable () -> Void
  ) {
    state = Mutex(State(sequence: firstSequence))
    self.dropped = dropped
    self.announce = announce
  }

  func append(_ line: LogLine) {
    let first = state.withLock { state in
      if state.lines.count < Self.limit {
        state.lines.append(Numbered(sequence: state.sequence, line: line))
        state.sequence += 1
      } else {
        state.dropped += 1
      }
      defer { state.isAnnounced = true }
      return !state.isAnnounced
    }
    if first { announce() }
  }

  /// Takes lines back that could not be written.
  func putBack(_ lines: [Numbered]) {
    state.withLock { $0.lines = lines + $0.lines }
  }

  /// All lines that have not been taken yet.
  func take() -> [Numbered] {
    state.withLock { state in
      defer {
        state.lines = []
        state.dropped = 0
        state.isAnnounced = false
      }
      if state.dropped > 0 { dropped(state.dropped) }
      if state.dropped > 0, let last = state.lines.last {
        let note = LogLine(
          at: last.line.at, task: last.line.task, attempt: last.line.attempt, level: "warning",
          message: "\(state.dropped) further lines were dropped: the log could not be written as "
            + "fast as it grew", metadata: [:])
        state.lines.append(Numbered(sequence: state.sequence, line: note))
        state.sequence += 1
      }
      return state.lines
    }
  }
}

/// Sends the lines of one attempt to the buffer and to the observer.
struct AttemptLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .debug
  var metadataProvider: Logger.MetadataProvider?

  let attempt: AttemptIdentity
  let clock: any WallClock
  /// Where the lines wait to be written; nil where nothing is recorded.
  let buffer: LogBuffer?
  let observer: @Sendable (WorkerEvent) -> Void

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error { all["error"] = "\(error)" }
    let line = LogLine(
      at: clock.now(), task: attempt.task, attempt: attempt.attempt, level: event.level.rawValue,
      message: storable("\(event.message)"),
      metadata: Dictionary(
        all.map { (storable($0.key), storable("\($0.value)")) }, uniquingKeysWith: { $1 }))
    buffer?.append(line)
    observer(.log(line))
  }
}
