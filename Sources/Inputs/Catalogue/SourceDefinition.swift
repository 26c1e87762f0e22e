import Schedules

/// One source of a catalogue, checked and compiled: where rows come from and what becomes of them.
public struct SourceDefinition: Sendable {
  /// Where a source's rows stand.
  public enum Location: Sendable, Equatable {
    /// A file's path, absolute, with the environment's values in place.
    case file(String)
    /// A query in the project's own database.
    case query(String)
  }

  /// How a file's rows are written; gzip is told by its first bytes.
  public enum Format: Sendable, Equatable {
    /// RFC 4180. Without a header the columns stand in their declared order.
    case csv(delimiter: UInt8, header: Bool)
    /// One JSON object per line; a column's name is a path of keys.
    case ndjson
  }

  /// What the rows become.
  public enum Destination: String, Sendable { case events, customers }

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
  /// The column that a query source goes on from; nil to read everything each time.
  public let watermark: String?
  let plan: RowPlan

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
    /// Of `properties`, or of `profile`.
    var properties: [Property] = []
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
