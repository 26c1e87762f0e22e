/// Conditions, numbers and keys of events as SQL over `facts.events AS e`.
///
/// Literals are quoted here; COPY and the printed SQL take no parameters.
public enum ConditionSQL {
  /// The condition; unknown where what it asks for is absent or of another type.
  public static func text(_ condition: Condition, alias: String = "e") -> String {
    switch condition {
    case .all(let parts): parts.map { "(\(text($0, alias: alias)))" }.joined(separator: " AND ")
    case .any(let parts): parts.map { "(\(text($0, alias: alias)))" }.joined(separator: " OR ")
    case .not(let part): "NOT (\(text(part, alias: alias)))"
    case .test(let field, let comparison, let value):
      "\(operand(field, value, alias)) \(sign(comparison)) \(literal(value))"
    case .among(let field, let values):
      values.first.map {
        "\(operand(field, $0, alias)) IN (\(values.map(literal).joined(separator: ", ")))"
      } ?? "false"
    case .missing(let field):
      switch field {
      case .quantity, .amount, .item: "\(alias).\(field.name) IS NULL"
      case .property(let name): "\(alias).properties ->> \(FeatureSQL.literal(name)) IS NULL"
      }
    }
  }

  /// A number in its own unit, exact.
  public static func number(_ number: EventNumber, alias: String = "e") -> String {
    switch number {
    case .amount, .quantity: "\(alias).\(number.name)"
    case .property(let name): "round(\(property(name, "number", "numeric", alias)), 4)"
    }
  }

  /// A key as text.
  public static func key(_ key: EventKey, alias: String = "e") -> String {
    switch key {
    case .item: "\(alias).item"
    case .property(let name): "(\(alias).properties ->> \(FeatureSQL.literal(name)))"
    }
  }

  private static func operand(
    _ field: Condition.Field, _ value: Condition.Literal, _ alias: String
  ) -> String {
    guard case .property(let name) = field else { return "\(alias).\(field.name)" }
    return switch value {
    case .text: property(name, "string", "text", alias)
    case .number: property(name, "number", "numeric", alias)
    case .boolean: property(name, "boolean", "boolean", alias)
    }
  }

  /// A property of one JSON type, null for others. CASE keeps the cast from values it cannot read.
  private static func property(
    _ name: String, _ json: String, _ type: String, _ alias: String
  ) -> String {
    let name = FeatureSQL.literal(name)
    return """
      CASE jsonb_typeof(\(alias).properties -> \(name)) WHEN '\(json)' \
      THEN (\(alias).properties ->> \(name))::\(type) END
      """
  }

  private static func sign(_ comparison: Condition.Comparison) -> String {
    comparison == .unequal ? "<>" : comparison.rawValue
  }

  private static func literal(_ value: Condition.Literal) -> String {
    switch value {
    case .text(let text): FeatureSQL.literal(text)
    case .number(let number): Decimal4.text(number)
    case .boolean(let value): value ? "true" : "false"
    }
  }
}
