/// An expression over features: `revenue_90d / orders_90d + 2 * sessions_30d`.
///
/// Whole numbers and decimals stay exact under `+`, `-` and whole factors, and an overflow is an
/// error; `/` and products of decimals are real. A null operand and a division by zero give null.
public indirect enum Formula: Sendable, Hashable {
  /// A constant: `value / 10^scale`.
  case number(Int64, scale: Int)
  /// A feature by canonical name.
  case feature(String)
  /// The other sign.
  case negative(Formula)
  /// Two operands.
  case binary(Operation, Formula, Formula)
  /// A function.
  case call(Function, [Formula])

  /// The signs between operands.
  public enum Operation: String, Sendable, Hashable {
    /// A sum.
    case add = "+"
    /// A difference.
    case subtract = "-"
    /// A product.
    case multiply = "*"
    /// A quotient.
    case divide = "/"
  }

  /// The functions.
  public enum Function: String, Sendable, Hashable, CaseIterable {
    /// The least operand.
    case min
    /// The greatest operand.
    case max
    /// Without the sign.
    case abs
    /// The first operand that is not null.
    case coalesce
  }

  /// The features it names, each once, sorted.
  public var features: [String] {
    var names: Set<String> = []
    collect(&names)
    return names.sorted()
  }

  /// The decimal scale of its values, where its features have these; nil where it is real.
  func scale(_ scales: [String: Int]) throws -> Int? {
    try FormulaType.of(self) { FormulaType(scale: scales[$0], unit: nil) }.scale
  }

  private func collect(_ names: inout Set<String>) {
    switch self {
    case .number: break
    case .feature(let name): names.insert(name)
    case .negative(let part): part.collect(&names)
    case .binary(_, let left, let right):
      left.collect(&names)
      right.collect(&names)
    case .call(_, let parts): parts.forEach { $0.collect(&names) }
    }
  }

  /// The formula with other names for its features.
  func renamed(_ rename: (String) -> String) -> Formula {
    switch self {
    case .number: self
    case .feature(let name): .feature(rename(name))
    case .negative(let part): .negative(part.renamed(rename))
    case .binary(let sign, let left, let right):
      .binary(sign, left.renamed(rename), right.renamed(rename))
    case .call(let function, let parts): .call(function, parts.map { $0.renamed(rename) })
    }
  }
}

extension Formula: CustomStringConvertible {
  /// The formula with every pair of parentheses.
  public var description: String {
    switch self {
    case .number(let value, let scale): scale == 0 ? String(value) : Decimal4.text(value)
    case .feature(let name): name
    case .negative(let part): "-\(part)"
    case .binary(let sign, let left, let right): "(\(left) \(sign.rawValue) \(right))"
    case .call(let function, let parts):
      "\(function.rawValue)(\(parts.map(\.description).joined(separator: ", ")))"
    }
  }
}

/// What a formula's value is: its decimal scale and unit.
struct FormulaType: Equatable {
  /// 0 or 4; nil for real numbers.
  var scale: Int?
  /// nil for plain numbers, which go with every unit.
  var unit: FeatureUnit?

  /// The type of a formula over features of known types.
  ///
  /// - Throws: ``TextProblem`` without a place, where units do not fit.
  static func of(_ formula: Formula, _ feature: (String) -> FormulaType) throws -> FormulaType {
    switch formula {
    case .number(_, let scale): return FormulaType(scale: scale, unit: nil)
    case .feature(let name): return feature(name)
    case .negative(let part): return try of(part, feature)
    case .binary(let sign, let left, let right):
      let (left, right) = (try of(left, feature), try of(right, feature))
      switch sign {
      case .add, .subtract:
        return FormulaType(
          scale: wider(left.scale, right.scale), unit: try same(left, right, "'\(sign.rawValue)'"))
      case .multiply:
        return FormulaType(
          scale: left.scale == 4 && right.scale == 4 ? nil : wider(left.scale, right.scale),
          unit: try product(left, right))
      case .divide: return FormulaType(scale: nil, unit: quotient(left, right))
      }
    case .call(let function, let parts):
      let types = try parts.map { try of($0, feature) }
      guard var type = types.first else { return FormulaType(scale: 0, unit: nil) }
      for other in types.dropFirst() {
        type = FormulaType(
          scale: wider(type.scale, other.scale), unit: try same(type, other, function.rawValue))
      }
      return type
    }
  }

  private static func wider(_ left: Int?, _ right: Int?) -> Int? {
    guard let left, let right else { return nil }
    return max(left, right)
  }

  private static func same(
    _ left: FormulaType, _ right: FormulaType, _ sign: String
  ) throws -> FeatureUnit? {
    guard let one = left.unit, let other = right.unit else { return left.unit ?? right.unit }
    guard one == other else {
      throw TextProblem(
        offset: 0,
        message: "expected one unit on both sides of \(sign), found \(one.rawValue) and "
          + other.rawValue,
        hint: "divide by something of the same unit first, which makes it a ratio")
    }
    return one
  }

  private static func product(_ left: FormulaType, _ right: FormulaType) throws -> FeatureUnit? {
    guard let one = left.unit, let other = right.unit else { return left.unit ?? right.unit }
    switch (one, other) {
    case (.money, .money):
      throw TextProblem(
        offset: 0, message: "expected at most one factor of money, found two",
        hint: "money times money has no meaning")
    case (.ratio, let unit), (let unit, .ratio): return unit
    case (.money, .count), (.count, .money): return .money
    default: return .number
    }
  }

  private static func quotient(_ left: FormulaType, _ right: FormulaType) -> FeatureUnit? {
    guard let under = right.unit else { return left.unit }
    guard let over = left.unit else { return .number }
    switch (over, under) {
    case (let one, let other) where one == other: return .ratio
    case (let one, .ratio): return one
    case (.money, .count): return .money
    default: return .number
    }
  }
}
