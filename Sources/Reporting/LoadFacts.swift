import Schedules

/// What one source delivered in a run.
public struct LoadFacts: Codable, Sendable, Equatable {
  /// The source's name.
  public var source: String
  /// The file; nil for a query.
  public var file: String?
  /// Whether the same content was loaded before, so that nothing was read again.
  public var isUnchanged: Bool
  /// Rows that became events or customers.
  public var accepted: Int
  /// Rows put aside with a reason.
  public var rejected: Int
  /// Rows that had been delivered before.
  public var duplicates: Int
  /// Accepted rows with a warning.
  public var warned: Int
  /// Wall time in seconds.
  public var seconds: Double
  /// Why rows were rejected or warned of, the most frequent first.
  public var reasons: [Reason]
  /// Exact control totals.
  public var totals: [ControlTotal]
  /// The latest event seen of the source; nil where there is none.
  public var watermark: Instant?
  /// What else is to be told of it: its lag, corrections, a file that grew; nil for nothing.
  public var notes: [String]?

  /// A rule of the contract with the rows that broke it.
  public struct Reason: Codable, Sendable, Equatable {
    /// The rule's name or the fault.
    public var reason: String
    /// The column; nil where the fault is of the row.
    public var column: String?
    /// How many rows.
    public var rows: Int
    /// Whether the rows were kept.
    public var isWarning: Bool

    /// A reason.
    public init(_ reason: String, column: String? = nil, rows: Int, isWarning: Bool = false) {
      self.reason = reason
      self.column = column
      self.rows = rows
      self.isWarning = isWarning
    }
  }

  /// A sum over the rows; decimals as text, so that nothing is lost.
  public struct ControlTotal: Codable, Sendable, Equatable {
    /// Its name in the source.
    public var name: String
    /// Over the accepted rows, as an exact decimal.
    public var accepted: String
    /// Over the rejected rows that have the number.
    public var rejected: String
    /// Over all rows read, also those that had been delivered before.
    public var all: String

    /// A control total.
    public init(name: String, accepted: String, rejected: String, all: String) {
      self.name = name
      self.accepted = accepted
      self.rejected = rejected
      self.all = all
    }

    /// Over the rows that were neither accepted nor rejected, because they had been delivered
    /// before; nil where that is nothing.
    public var repeated: String? { Figures.remainder(of: all, accepted, rejected) }
  }

  /// A load.
  public init(
    source: String, file: String? = nil, isUnchanged: Bool = false, accepted: Int = 0,
    rejected: Int = 0, duplicates: Int = 0, warned: Int = 0, seconds: Double = 0,
    reasons: [Reason] = [], totals: [ControlTotal] = [], watermark: Instant? = nil,
    notes: [String]? = nil
  ) {
    self.source = source
    self.file = file
    self.isUnchanged = isUnchanged
    self.accepted = accepted
    self.rejected = rejected
    self.duplicates = duplicates
    self.warned = warned
    self.seconds = seconds
    self.reasons = reasons
    self.totals = totals
    self.watermark = watermark
    self.notes = notes
  }

  /// Rows read per second; nil where nothing was read.
  public var rowsPerSecond: Double? {
    let rows = accepted + rejected + duplicates
    return rows > 0 && seconds > 0 ? Double(rows) / seconds : nil
  }
}

/// How the features of the run came about.
public struct FeatureFacts: Codable, Sendable, Equatable {
  /// How many customers have features.
  public var customers: Int
  /// How many features each has.
  public var features: Int
  /// How: `full build`, `1 day further`, `unchanged` …
  public var mode: String
  /// Tile rows (customer and day) that were folded or read; nil where it is not counted.
  public var tileRows: Int?
  /// Wall time in seconds.
  public var seconds: Double

  /// The facts of a build.
  public init(customers: Int, features: Int, mode: String, tileRows: Int? = nil, seconds: Double) {
    self.customers = customers
    self.features = features
    self.mode = mode
    self.tileRows = tileRows
    self.seconds = seconds
  }
}
