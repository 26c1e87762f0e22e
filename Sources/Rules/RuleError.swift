/// A place in a text, counted from 1; columns count Unicode scalars.
public struct SourceLocation: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The file's name as it was given, nil for a text without one.
  public var file: String?
  /// The line, from 1.
  public var line: Int
  /// The column, from 1.
  public var column: Int

  /// A place; without a file, `line:column`.
  public init(file: String? = nil, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// `file:line:column`.
  public var description: String { (file.map { "\($0):" } ?? "") + "\(line):\(column)" }

  /// The place `count` scalars to the right.
  func advanced(by count: Int) -> SourceLocation {
    SourceLocation(file: file, line: line, column: column + count)
  }
}

/// One fault in a rule or in its evaluation.
public struct RuleError: Error, Sendable, Hashable, Codable {
  /// A stable name, for example `rules.unknown_attribute`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// Where, nil for faults of evaluation.
  public let location: SourceLocation?
  /// The segment it stands in, nil outside one.
  public let segment: String?

  /// A fault with its code, message and what is known of its place.
  public init(
    code: String, message: String, hint: String? = nil, location: SourceLocation? = nil,
    segment: String? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.location = location
    self.segment = segment
  }
}

extension RuleError: CustomStringConvertible {
  /// `file:line:column: message; hint [code]`.
  public var description: String {
    let place = location.map { "\($0): " } ?? ""
    let owner = segment.map { "segment '\(RuleText.visible($0))': " } ?? ""
    return place + owner + message + (hint.map { "; \($0)" } ?? "") + " [\(code)]"
  }
}

/// Every fault of a catalogue or rule, in the order of the text.
public struct RuleErrors: Error, Sendable, Equatable, CustomStringConvertible {
  /// At least one fault.
  public let errors: [RuleError]

  /// The faults, sorted by place.
  public init(_ errors: [RuleError]) {
    self.errors = errors.enumerated().sorted { left, right in
      let one = left.element.location.map { ($0.line, $0.column) } ?? (0, 0)
      let two = right.element.location.map { ($0.line, $0.column) } ?? (0, 0)
      return one != two ? one < two : left.offset < right.offset
    }.map(\.element)
  }

  /// One fault a line.
  public var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// Collects the faults that a check finds, so that all are reported at once.
final class FaultList {
  private(set) var errors: [RuleError] = []
  /// The segment that is being read.
  var segment: String?

  func add(
    _ code: String, _ message: String, hint: String? = nil, at location: SourceLocation?
  ) {
    let error = RuleError(
      code: "rules.\(code)", message: message, hint: hint, location: location, segment: segment)
    if !errors.contains(error) { errors.append(error) }
  }

  func throwIfAny() throws(RuleErrors) {
    if !errors.isEmpty { throw RuleErrors(errors) }
  }
}
