import Schedules
import Warehouse

/// One source of a catalogue, checked and compiled: where rows come from and what becomes of them.
public struct SourceDefinition: Sendable {
  /// Where a source's rows stand.
  public enum Location: Sendable, Equatable {
    /// A file's path, absolute, with the environment's values in place.
    case file(String)
    /// The files of a folder whose paths match a pattern (`*`, `?`, `[a-z]`), in order of name.
    case files(pattern: String)
    /// A query in the project's own database.
    case query(String)
    /// A query or table in another PostgreSQL database.
    case postgres(ConnectionOptions, Relation)
  }

  /// What is read in another database.
  public enum Relation: Sendable, Equatable {
    /// A query without a semicolon.
    case query(String)
    /// A table by its name, or by its schema and name.
    case table([String])
  }

  /// How a source that is no file goes on where the load before ended.
  public enum Advance: Sendable, Equatable {
    /// It does not: everything is read each time.
    case everything
    /// By a column that rises: rows from the latest value seen, less the overlap, in which rows may
    /// have been committed late.
    case column(String, overlap: Duration)
    /// By the transactions that wrote the rows: those that were open, or had not begun, when the
    /// source was last read.
    case transactions
  }

  /// How old the latest row of a source may be.
  public struct FreshnessLimits: Sendable, Equatable {
    /// From which lag on a run warns; nil for never.
    public let warn: Duration?
    /// From which lag on a run stops; nil for never.
    public let stop: Duration?
  }

  /// How a file's rows are written; gzip is told by its first bytes.
  public enum Format: Sendable, Equatable {
    /// RFC 4180. Without a header the columns stand in their declared order.
    case csv(delimiter: UInt8, header: Bool)
    /// One JSON object per line; a column's name is a path of keys.
    case ndjson
  }

  /// What the rows become.
  public enum Destination: String, Sendable, CaseIterable {
    /// `facts.events`.
    case events
    /// `facts.customers` and their profiles.
    case customers
    /// `landing.merge`: customers that turn out to be other ones.
    case merges
  }

  /// The source's name, unique in the catalogue.
  public let name: String
  /// Where its rows stand.
  public var location: Location
  /// How they are written.
  public let format: Format
  /// What they become.
  public let into: Destination
  /// The zone of naive timestamps.
  public let zone: Zone
  /// SHA-256 of the definition without its location, in hexadecimal.
  public let hash: String
  /// Where a query source goes on.
  public let advance: Advance
  /// How old its latest row may be; nil where nothing is promised.
  public let freshness: FreshnessLimits?
  /// How far after the load an event's time may lie before it is believed to be a mistake.
  let futureTolerance: Duration
  /// Whether an event that comes again with other content replaces the earlier version.
  let takesCorrections: Bool
  /// The event kinds that the project adds to Strata's own.
  let ownKinds: [String]
  /// The numbers of the kinds; those of the project's own are settled when a load begins.
  var kinds: [String: Int16]
  let plan: RowPlan

  /// The column that a query source goes on from; nil for none.
  public var watermark: String? {
    if case .column(let name, _) = advance { return name }
    return nil
  }

  /// The names of the control totals in the order of the catalogue.
  public var totals: [String] { plan.totals.map(\.name) }
  /// The names of the checks in the order of the contract.
  public var checks: [String] { plan.checks.map(\.name) + plan.tableChecks.map(\.name) }
  /// The declared columns in order.
  public var columns: [String] { plan.columns.map(\.name) }

  /// The same source over another file.
  public func reading(file: String) -> SourceDefinition {
    var copy = self
    copy.location = .file(file)
    return copy
  }
}

/// What happens to a row, or to the load, that fails a check.
enum FailureAction: String, Sendable, CaseIterable { case reject, warn, stop }

/// A compiled source: registers, program, and which register feeds what.
struct RowPlan: Sendable {
  struct Column: Sendable, Equatable {
    var name: String
    var type: ColumnType
  }

  /// A check that looks at one row: it fails where its register is false, not where it is null.
  struct Check: Sendable {
    var name: String
    /// The column or field it is about; nil for a free condition.
    var subject: String?
    var register: Int
    var onFail: FailureAction
    /// The share of rows that must pass, from 0 to 1; nil where none is set.
    var mostly: Double?
  }

  /// A check that only the database can make.
  struct TableCheck: Sendable {
    enum Kind: Sendable, Equatable {
      /// No two rows of one load carry one value of the field.
      case unique(field: String)
      /// The customer's key is known before the load.
      case customerExists
      /// A refund's order was named by a purchase, loaded before or in this load.
      case refundLinked
    }
    var name: String
    var kind: Kind
    var onFail: FailureAction
    var mostly: Double?
  }

  struct Total: Sendable {
    var name: String
    var register: Int
    var scale: Int
  }

  struct Property: Sendable {
    /// The key as a JSON string with its quotes.
    var key: [UInt8]
    var operand: Operand
  }

  struct Number: Sendable {
    var register: Int
    var scale: Int
  }

  /// Registers of the mapped fields; nil where the source maps none.
  struct Fields: Sendable {
    var eventID: Int?
    var kind: Int?
    var customer: Int?
    /// Of `occurred_at`, or of `first_seen_at`.
    var time: Operand?
    var item: Int?
    var quantity: Number?
    var amount: Number?
    var currency: Int?
    /// The order that a purchase is of, or that a refund gives back.
    var order: Int?
    /// Since when a customer's attributes hold.
    var validFrom: Operand?
    /// Of a merge, the customer that stays; ``customer`` ceases.
    var target: Int?
    /// Of `properties`, or of a customer's `profile`.
    var properties: [Property] = []
    /// Of the `profile` that an event states.
    var profile: [Property] = []
  }

  var columns: [Column]
  var instructions: [Instruction]
  var constants: [(register: Int, value: Constant)]
  var registers: Int
  /// Where the row's line number stands.
  var lineRegister: Int
  var fields: Fields
  var checks: [Check]
  var tableChecks: [TableCheck]
  var totals: [Total]
  /// The register of the watermark's column.
  var watermark: Int?
}
