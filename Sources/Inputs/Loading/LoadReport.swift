import Schedules

/// An exact sum over a load's rows, parted by what became of them.
///
/// All values are plain decimals without trailing zeros, such as `9747747.934`.
public struct ControlTotal: Sendable, Codable, Equatable {
  /// The total's name in the catalogue.
  public let name: String
  /// Over accepted rows.
  public let accepted: String
  /// Over rejected rows.
  public let rejected: String
  /// Over rows that had been loaded before.
  public let duplicate: String
  /// Over all of them.
  public let all: String
}

/// One of the first rejected rows of a load.
public struct RejectedRow: Sendable, Codable, Equatable {
  /// The line of the file on which the row begins, from 1.
  public let line: Int64
  /// The failed check's name, or the loader's own reason.
  public let reason: String
  /// The column or field concerned; nil where it is the whole row.
  public let column: String?
  /// The row as it stood in the file, cut after 500 characters.
  public let raw: String
}

/// What a load did, or what a check found.
public struct LoadReport: Sendable, Codable, Equatable {
  /// How a load ended.
  public enum State: String, Sendable, Codable {
    /// Its rows are in the facts.
    case loaded
    /// This very file had been loaded before; nothing was read.
    case skipped
    /// Only read; nothing was written.
    case checked
  }

  /// The source's name.
  public let source: String
  /// The file; nil for a query.
  public let file: String?
  /// How it ended.
  public let state: State
  /// The ledger's number, of the earlier load where this one was skipped; nil after a check.
  public internal(set) var loadID: Int64?
  /// The file's size on disk in bytes; 0 for a query.
  public internal(set) var bytes: Int64 = 0
  /// Rows read: accepted, rejected and duplicate ones.
  public internal(set) var rowsRead: Int64 = 0
  /// Rows that went into the facts (after a check: that would pass every check of their own).
  public internal(set) var rowsAccepted: Int64 = 0
  /// Rows kept in `landing.rejected`, and those of erased customers, which are not kept.
  public internal(set) var rowsRejected: Int64 = 0
  /// Rows that repeat what had been accepted.
  public internal(set) var rowsDuplicate: Int64 = 0
  /// Accepted rows with at least one warning.
  public internal(set) var rowsWarned: Int64 = 0
  /// Customers seen for the first time.
  public internal(set) var newCustomers: Int64 = 0
  /// Rejected rows by reason.
  public internal(set) var rejected: [String: Int64] = [:]
  /// Warnings on accepted rows by check.
  public internal(set) var warnings: [String: Int64] = [:]
  /// The control totals in the order of the catalogue.
  public internal(set) var totals: [ControlTotal] = []
  /// Rejected rows whose totals could not be computed; they are in none of the sums.
  public internal(set) var rowsUnmeasured: Int64 = 0
  /// The earliest time of the accepted rows; nil where there is none.
  public internal(set) var firstOccurredAt: Instant?
  /// The latest time of the accepted rows; nil where there is none.
  public internal(set) var lastOccurredAt: Instant?
  /// The source's watermark afterwards; nil where it has none.
  public internal(set) var watermark: Instant?
  /// Some of the rejected rows.
  public internal(set) var samples: [RejectedRow] = []

  /// Accepted rows that replaced an earlier version of their event; nil in reports of releases that
  /// took no corrections.
  public internal(set) var rowsCorrected: Int64?
  /// Rejected rows by an event kind that the catalogue lacks; nil where there is none.
  public internal(set) var unknownKinds: [String: Int64]?
  /// What else is to be told, such as that a file has grown; nil for nothing.
  public internal(set) var notes: [String]?
  /// Files of a folder that were loaded before and left alone; nil for other sources.
  public internal(set) var filesUnchanged: Int64?
  /// How old the source's latest row is; nil where its contract says nothing of it.
  public var freshness: Freshness?

  init(source: String, file: String?, state: State) {
    self.source = source
    self.file = file
    self.state = state
  }
}

extension LoadReport {
  /// What another load at once finds: this very data is loaded, and nothing is read.
  public var repeated: LoadReport {
    var report = LoadReport(source: source, file: file, state: .skipped)
    report.loadID = loadID
    report.bytes = bytes
    report.watermark = watermark
    return report
  }
}

/// How far a load has come.
public struct LoadProgress: Sendable, Equatable {
  /// What a load is busy with.
  public enum Phase: String, Sendable { case reading, committing }

  /// What it is busy with.
  public var phase: Phase
  /// Rows read so far.
  public var rowsRead: Int64
  /// Bytes of the file read so far, as they stand on disk.
  public var bytesDone: Int64
  /// The file's size on disk; nil for a query.
  public var bytesTotal: Int64?
}
