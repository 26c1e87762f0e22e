import SQLCatalog

/// The text of one statement with its bind values apart, so that data never becomes SQL.
///
/// ```swift
/// let query: SQL = """
///   SELECT name FROM \(identifier: "facts", "event_kind") WHERE kind_id = \(kind)
///   """
/// ```
/// `\(value)` binds as `$n`; `\(identifier:)` quotes names; `\(fragment:)` inserts another `SQL`;
/// `\(unsafeText:)` inserts text as it is and is the one visible way around the rules.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
  enum Part: Sendable {
    case text(String)
    case bind(any Bindable)
    case identifier([String])
    /// A text whose own `$1`, `$2` … refer to its own values.
    case numbered(String, [any Bindable])
  }

  var parts: [Part]

  /// The name that errors show; nil for unnamed statements.
  public private(set) var name: String?

  /// What went wrong while the statement was put together; thrown when it is run.
  var fault: WarehouseError?

  /// A statement without values.
  public init(stringLiteral value: String) { parts = [.text(value)] }

  /// A statement from a literal with values, names and fragments.
  public init(stringInterpolation: StringInterpolation) {
    parts = stringInterpolation.parts
    fault = stringInterpolation.fault
  }

  /// A static query of the SQL catalogue; `$1`, `$2` … are the values in order.
  ///
  /// - Parameter file: relative to `sql/`; it is also the statement's name.
  ///   A file that the catalogue lacks is thrown as `warehouse.unknown_query` when the query runs.
  public init(file: String, _ binds: any Bindable...) {
    name = file
    do {
      parts = [.numbered(try SQLTexts.text(file), binds)]
    } catch {
      parts = []
      fault = WarehouseError(
        code: "warehouse.unknown_query", message: "expected the SQL file '\(file)', found none",
        hint: "the folder with the SQL files stands beside the binary; install it again",
        queryName: file)
    }
  }

  /// Text that is known only at run time, as it is; `$1`, `$2` … are the values in order.
  public init(unsafeText text: String, _ binds: [any Bindable] = []) {
    parts = [.numbered(text, binds)]
  }

  /// The same statement under a name that errors show.
  public func named(_ name: String) -> SQL {
    var copy = self
    copy.name = name
    return copy
  }

  /// One statement after the other, without a separator.
  public static func + (left: SQL, right: SQL) -> SQL {
    var sum = left
    sum.parts += right.parts
    sum.fault = left.fault ?? right.fault
    sum.name = left.name ?? right.name
    return sum
  }

  /// Fragments with a separator between them, for example a list of columns.
  public static func joined(_ fragments: [SQL], separator: String = ", ") -> SQL {
    var sum = SQL(stringLiteral: "")
    for (index, fragment) in fragments.enumerated() {
      if index > 0 { sum.parts.append(.text(separator)) }
      sum.parts += fragment.parts
      sum.fault = sum.fault ?? fragment.fault
    }
    return sum
  }

  /// A name between quotes, with quotes inside doubled: the one quoting function of the project.
  public static func quoted(identifier name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }

  /// A text between quotes, for statements that take no parameters (COPY, CREATE ROLE, SET).
  public static func quoted(literal text: String) -> String {
    // E'…' reads the same whatever standard_conforming_strings says.
    var quoted = text.contains("\\") ? "E'" : "'"
    for character in text.unicodeScalars {
      if character == "'" || character == "\\" { quoted.unicodeScalars.append(character) }
      quoted.unicodeScalars.append(character)
    }
    return quoted + "'"
  }

  /// What a literal with `\(…)` is made of.
  public struct StringInterpolation: StringInterpolationProtocol {
    var parts: [Part] = []
    var fault: WarehouseError?

    /// Room for a literal.
    public init(literalCapacity: Int, interpolationCount: Int) {
      parts.reserveCapacity(interpolationCount * 2 + 1)
    }

    /// A piece of SQL text.
    public mutating func appendLiteral(_ literal: String) {
      if !literal.isEmpty { parts.append(.text(literal)) }
    }

    /// A bind value.
    public mutating func appendInterpolation(_ value: some Bindable) {
      parts.append(.bind(value))
    }

    /// A bind value or NULL. Apart from the one above for the compiler, which otherwise warns of
    /// an optional in a literal.
    public mutating func appendInterpolation<T: Bindable>(_ value: T?) {
      parts.append(.bind(value))
    }

    /// A name, qualified by the ones before it: `\(identifier: "facts", "events")`.
    public mutating func appendInterpolation(identifier names: String...) {
      parts.append(.identifier(names))
    }

    /// Names with commas between them, for example a list of columns.
    public mutating func appendInterpolation(identifiers names: [String]) {
      for (index, name) in names.enumerated() {
        if index > 0 { parts.append(.text(", ")) }
        parts.append(.identifier([name]))
      }
    }

    /// Another statement, its values renumbered.
    public mutating func appendInterpolation(fragment: SQL) {
      parts += fragment.parts
      fault = fault ?? fragment.fault
    }

    /// Text as it is; never data.
    public mutating func appendInterpolation(unsafeText text: String) { parts.append(.text(text)) }
  }
}
