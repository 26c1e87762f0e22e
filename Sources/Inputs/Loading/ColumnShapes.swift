import Diagnostics
import Foundation

/// What the columns of a source are, as far as rows alone do not tell: their types in another
/// database, or how a file writes its times.
struct ColumnShapes: Sendable, Equatable {
  /// The type's name in the database, or ``offset`` or ``naive`` for the times of files.
  var types: [String: String] = [:]

  /// Times that say how far they are from Greenwich.
  static let offset = "time with offset"
  /// Times of the source's zone.
  static let naive = "time without offset"

  init() {}

  /// What was stored of an earlier load.
  init(stored text: String) throws {
    let types = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    self.types = types
  }

  /// A key that most rows of NDJSON had.
  static let usual = "usual"

  /// How a file's times were written, columns that mix both ways left out, and which keys most rows
  /// of NDJSON had.
  init(of source: SourceDefinition, _ tally: Tally) {
    for (index, column) in source.plan.columns.enumerated() {
      guard column.type == .timestamp else {
        if Self.tells(tally), tally.filled[index] * 2 > tally.rowsRead {
          types[column.name] = Self.usual
        }
        continue
      }
      switch (tally.offsets[index] > 0, tally.naives[index] > 0) {
      case (true, false): types[column.name] = Self.offset
      case (false, true): types[column.name] = Self.naive
      default: break
      }
    }
  }

  /// Only these columns.
  func only(_ names: [String]) -> ColumnShapes {
    var copy = self
    copy.types = types.filter { names.contains($0.key) }
    return copy
  }

  /// What was known before, where this reading tells nothing of a column.
  func filled(from before: ColumnShapes) -> ColumnShapes {
    var copy = self
    copy.types.merge(before.types) { now, _ in now }
    return copy
  }

  // MARK: Decisions

  /// The declared columns that are not there.
  func missing(
    _ wanted: [RowPlan.Column], source: String, before: ColumnShapes
  ) -> InputError? {
    InputError.joining(
      wanted.filter { types[$0.name] == nil }.map { column in
        let wasThere = before.types[column.name].map { ", which was there as \($0)" } ?? ""
        return InputError(
          code: "inputs.column_missing",
          message: "source '\(source)': expected a column '\(column.name)'\(wasThere), found none",
          hint: Suggestion.hint(
            for: column.name, among: types.keys.sorted(), noun: "the columns are"))
      })
  }

  /// The columns whose type cannot be read as the declared one.
  func mismatch(_ wanted: [RowPlan.Column], source: String) -> InputError? {
    InputError.joining(
      wanted.compactMap { column in
        guard let type = types[column.name], !Self.reads(type, as: column.type) else { return nil }
        return InputError(
          code: "inputs.column_type_mismatch",
          message: "source '\(source)': expected column '\(column.name)' to read as "
            + "\(column.type.word), found \(type)",
          hint: "declare it as it is, or cast it in the query")
      })
  }

  /// The keys that most rows had at the last load and none has now.
  static func vanished(
    _ source: SourceDefinition, _ tally: Tally, before: ColumnShapes
  ) -> InputError? {
    guard source.format == .ndjson, tells(tally) else { return nil }
    return InputError.joining(
      source.plan.columns.enumerated().compactMap { index, column in
        guard before.types[column.name] != nil, tally.filled[index] == 0 else { return nil }
        return InputError(
          code: "inputs.column_missing",
          message: "source '\(source.name)': expected '\(column.name)', which most rows had at the "
            + "last load, found it in none of \(tally.rowsRead) rows",
          hint: "nothing was loaded; was it renamed? If it is gone for good: "
            + "strata sources load \(source.name) --accept-changes", file: source.file)
      })
  }

  /// Fewer rows than these show nothing of a column.
  private static func tells(_ tally: Tally) -> Bool { tally.rowsRead >= brokenAtLeast }

  /// The columns that are not what they were.
  func change(from before: ColumnShapes, source: String, file: String? = nil) -> InputError? {
    InputError.joining(
      before.types.sorted { $0.key < $1.key }.compactMap { name, old in
        guard let new = types[name], new != old else { return nil }
        let isZone = Self.times.contains(old) && Self.times.contains(new)
        let hint =
          isZone
          ? "times without a zone are read in the source's own; set it, then accept the change"
          : "see what else changed there, then accept the change"
        return InputError(
          code: isZone ? "inputs.column_zone_changed" : "inputs.column_type_changed",
          message: "source '\(source)': expected column '\(name)' as at the last load, \(old), "
            + "found \(new)",
          hint: hint + ": strata sources load \(source) --accept-changes", file: file)
      })
  }

  /// The column of which most values are no longer of the declared type: another kind of column,
  /// not some bad rows; nil where there is none.
  static func broken(_ source: SourceDefinition, _ tally: Tally, file: String?) -> InputError? {
    InputError.joining(
      source.plan.columns.enumerated().compactMap { index, column in
        let faults = tally.columnFaults[index]
        guard faults >= brokenAtLeast, faults * 2 > tally.rowsRead else { return nil }
        let example = tally.samples.first { $0.column == column.name }
        return InputError(
          code: "inputs.column_type_changed",
          message: "source '\(source.name)': expected column '\(column.name)' to hold "
            + "\(column.type.word), found \(faults) of \(tally.rowsRead) rows in which it does not"
            + (example.map { ", the first on line \($0.line): \($0.raw.prefix(80))" } ?? ""),
          hint: "nothing was loaded; declare the column as it is now", file: file)
      })
  }

  /// Fewer bad rows than these are bad rows.
  private static let brokenAtLeast: Int64 = 20

  private static let times = [
    offset, naive, "timestamp with time zone", "timestamp without time zone",
  ]

  /// Whether a column of a database's type can be read as a declared one; texts may hold anything,
  /// which the rows then show.
  private static func reads(_ type: String, as wanted: ColumnType) -> Bool {
    let texts = ["text", "character varying", "character", "name", "unknown"]
    if texts.contains(type) || type.hasPrefix("character") { return true }
    let whole = ["smallint", "integer", "bigint", "oid"]
    switch wanted {
    case .text: return true
    case .integer, .epoch: return whole.contains(type) || type == "numeric"
    case .decimal:
      return (whole + ["numeric", "real", "double precision"]).contains(type)
    case .boolean: return type == "boolean" || whole.contains(type)
    case .date: return type == "date"
    case .timestamp: return type.hasPrefix("timestamp") || type == "date"
    }
  }
}

extension ColumnType {
  /// The type as catalogues write it.
  var word: String {
    switch self {
    case .text: "text"
    case .integer: "integer"
    case .decimal(let scale): "decimal(\(scale))"
    case .boolean: "boolean"
    case .date: "date"
    case .timestamp: "timestamp"
    case .epoch(let perSecond): perSecond == 1 ? "epoch_seconds" : "epoch_milliseconds"
    }
  }
}
