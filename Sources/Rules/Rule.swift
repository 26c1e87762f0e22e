import Schedules

/// A checked rule, alone or of a segment.
public struct Rule: Sendable, Hashable {
  /// The rule as it was written, names and types resolved.
  public let expression: Expression
  /// SHA-256 of the normal form, 64 hexadecimal digits: rules of one meaning in writing share it.
  public let version: String

  /// A rule of a checked tree.
  public init(_ expression: Expression) {
    self.expression = expression
    version = expression.version
  }

  /// Parses a rule that stands alone: a short string, or YAML or JSON with `all`, `any`, `not`.
  ///
  /// - Parameters:
  ///   - zone: the zone of days that are compared with instants; nil refuses such comparisons.
  ///   - location: where the text stands, for messages.
  /// - Throws: every fault at once.
  public init(
    parsing text: String, attributes: any AttributeCatalogue, zone: Zone? = nil,
    at location: SourceLocation? = nil
  ) throws(RuleErrors) {
    try self.init(
      parsing: text, attributes: attributes, zone: zone, at: location, segments: nil)
  }

  /// The same with the segments that the rule may refer to; nil for none.
  init(
    parsing text: String, attributes: any AttributeCatalogue, zone: Zone?,
    at location: SourceLocation? = nil, segments: SegmentNames?
  ) throws(RuleErrors) {
    let place = location ?? SourceLocation(line: 1, column: 1)
    let faults = FaultList()
    let clause = ClauseParser(faults: faults).clause(try Self.document(text, at: place))
    let checker = RuleChecker(
      attributes: attributes, zone: zone, faults: faults,
      segments: segments)
    let checked = clause.flatMap { checker.check($0) }
    try faults.throwIfAny()
    guard let checked else {
      throw RuleErrors([RuleError(code: "rules.empty", message: "expected a rule, found none")])
    }
    self.init(checked.expression)
  }

  /// A short string may hold what YAML reads otherwise (`a: b`, `[`, `'`), so only texts that begin
  /// as a group does are YAML.
  private static func document(
    _ text: String, at place: SourceLocation
  ) throws(RuleErrors) -> Document {
    let head = text.drop { $0.isWhitespace }
    let isGroup =
      head.hasPrefix("{") || ["all", "any", "not"].contains { head.hasPrefix($0 + ":") }
    return isGroup
      ? try Document.yaml(text, file: place.file)
      : Document(
        content: .scalar(
          .init(text: text, style: .quoted, keepsColumns: true, offset: 0)), location: place)
  }

  /// What a rule that stands alone asks about events; nothing where it cannot be read.
  public static func questions(_ text: String) -> [EventQuestion] {
    let place = SourceLocation(line: 1, column: 1)
    guard let document = try? document(text, at: place) else { return [] }
    return ClauseParser(faults: FaultList()).clause(document)?.questions ?? []
  }

  /// The attributes it tests, each once, by name; a source must have their columns.
  public var attributes: [Attribute] { expression.attributes }

  /// The segments it refers to, each once, by name.
  public var references: [String] { expression.references }
}

extension Rule: CustomStringConvertible {
  /// The rule in short strings.
  public var description: String { expression.description }
}
