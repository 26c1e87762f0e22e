import Schedules
import Warehouse

/// How old the latest row of a source is, against what its contract allows.
public struct Freshness: Sendable, Codable, Equatable {
  /// What follows from a lag.
  public enum State: String, Sendable, Codable {
    /// Within its limits, or without any.
    case fresh
    /// Later than the source may be without a word.
    case warn
    /// Later than a run may go on with.
    case stop
    /// Nothing was ever loaded.
    case empty
  }

  /// The source's name.
  public let source: String
  /// From the latest time seen of the source to the instant asked for, in seconds; below zero where
  /// rows are newer than that. Nil where nothing was loaded.
  public let lagSeconds: Int64?
  /// The latest time seen: of the source's rows or, where they have none, of its last load.
  public let latest: Instant?
  /// What follows from it.
  public let state: State
  /// The lag from which on a run warns, in seconds; nil for none.
  public let warnSeconds: Int64?
  /// The lag from which on a run stops, in seconds; nil for none.
  public let stopSeconds: Int64?

  /// The freshness of a source at an instant.
  public init(_ source: SourceDefinition, latest: Instant?, at instant: Instant) {
    let limits = source.freshness
    let lag = latest.map { instant - $0 }
    self.source = source.name
    self.latest = latest
    lagSeconds = lag?.components.seconds
    warnSeconds = limits?.warn?.components.seconds
    stopSeconds = limits?.stop?.components.seconds
    guard let lag else {
      // Nothing at all is later than any limit.
      state = limits?.stop != nil ? .stop : limits?.warn != nil ? .warn : .empty
      return
    }
    if let stop = limits?.stop, lag >= stop {
      state = .stop
    } else if let warn = limits?.warn, lag >= warn {
      state = .warn
    } else {
      state = .fresh
    }
  }

  /// The lag in words; nil where nothing was loaded.
  public var lag: String? { lagSeconds.map { DurationText.words(.seconds($0)) } }

  /// What is wrong, in a sentence; nil where nothing is.
  public var complaint: String? {
    guard state == .warn || state == .stop,
      let limit = state == .stop ? stopSeconds : warnSeconds
    else { return nil }
    let wanted = DurationText.words(.seconds(limit))
    guard let lag, let latest else {
      return "source '\(source)': expected rows of the last \(wanted), found none at all"
    }
    return "source '\(source)': expected rows of the last \(wanted), found the latest one of "
      + "\(latest), \(lag) ago"
  }

  /// One error for the sources that are too old to go on with; nil where none is.
  public static func error(of found: [Freshness]) -> InputError? {
    InputError.joining(
      found.filter { $0.state == .stop }.compactMap(\.complaint).map { complaint in
        InputError(
          code: "inputs.stale", message: complaint,
          hint: "what came is loaded; look why the delivery stopped, then run again")
      })
  }
}

extension LoadLedger {
  /// How fresh sources are at an instant: a run's as-of, or now.
  public func freshness(
    of sources: [SourceDefinition], at instant: Instant
  ) async throws -> [Freshness] {
    let rows = try await pool.query(SQL(file: "queries/inputs/list_freshness.sql"))
    var latest: [String: Instant] = [:]
    for row in rows {
      let watermark: Instant? = try row.get("watermark")
      latest[try row.get("name")] = try watermark ?? row.get("loaded_at")
    }
    return sources.map { Freshness($0, latest: latest[$0.name], at: instant) }
  }
}
