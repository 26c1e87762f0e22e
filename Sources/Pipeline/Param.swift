import Schedules

/// A typed parameter of a DAG's runs.
public struct Param: Codable, Sendable, Hashable {
  /// Unique within the DAG.
  public let name: String
  /// What values it takes.
  public let type: ParamType
  /// The value where a run gives none: nil makes it required, `null` makes it optional.
  public let `default`: JSONValue?
  /// One sentence for listings; nil if none.
  public let summary: String?

  /// A parameter, required unless it has a default.
  public init(
    _ name: String, _ type: ParamType, default: JSONValue? = nil, summary: String? = nil
  ) {
    self.name = name
    self.type = type
    self.default = `default`
    self.summary = summary
  }

  private enum CodingKeys: String, CodingKey { case name, type, `default`, summary }

  /// Decodes a parameter; a `default` of `null` is one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    type = try container.decode(ParamType.self, forKey: .type)
    `default` =
      container.contains(.default)
      ? try container.decode(JSONValue.self, forKey: .default) : nil
    summary = try container.decodeIfPresent(String.self, forKey: .summary)
  }
}

/// The values that a parameter takes.
public indirect enum ParamType: Codable, Sendable, Hashable {
  /// A whole number of 64 bits, within a range; nil for any.
  case integer(range: ClosedRange<Int64>? = nil)
  /// A finite number, within a range; nil for any.
  case number(range: ClosedRange<Double>? = nil)
  /// Text, one of some values or of so many Unicode scalars at most; nil for any.
  case text(oneOf: [String]? = nil, maxLength: Int? = nil)
  /// `true` or `false`.
  case boolean
  /// A date such as `2024-03-10`.
  case day
  /// An instant with its offset, such as `2024-03-10T03:00:00Z`; kept in UTC.
  case instant
  /// A list of such values.
  case list(of: ParamType)
}
