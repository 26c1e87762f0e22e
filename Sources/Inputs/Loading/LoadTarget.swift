import Schedules

/// What a load works on.
struct LoadTarget: Sendable {
  let source: SourceDefinition
  let sourceID: Int16
  let watermark: Instant?
  let cut: Int64?
  /// What the columns were at the last load; empty where changes are accepted.
  let shape: ColumnShapes
  let started: Instant
  /// How the file differs from what was loaded under its path; nil where it does not.
  var change: FileChange?
  /// The load whose rejected rows are read again; nil for a load of its own.
  var replays: Int64?

  /// The same source, to read rejected rows of a load again.
  func replaying(_ load: Int64) -> LoadTarget {
    var copy = self
    copy.replays = load
    return copy
  }
}

/// A load that was stopped, with what it had counted.
struct LoadFailure: Error {
  var error: InputError
  var verdict: Verdict?
  var bytes: Int64?
}

/// The ledger's `error` of a failed load.
struct FailureDetails: Encodable {
  var code: String
  var message: String
  var samples: [RejectedRow]
}

extension SourceDefinition {
  /// The path of a file source; nil for a query.
  var file: String? {
    if case .file(let path) = location { return path }
    return nil
  }
}

extension Tally {
  /// The earliest time of good rows; nil where there is none.
  var firstTime: Instant? { first == .max ? nil : Instant(microseconds: first) }
  /// The latest time of good rows; nil where there is none.
  var lastTime: Instant? { last == .min ? nil : Instant(microseconds: last) }
}
