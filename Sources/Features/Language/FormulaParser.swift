import Diagnostics

/// Reads formulas; names are kept as they are written, with their places.
struct FormulaParser {
  private var reader: TokenReader
  /// Where each feature is named.
  private(set) var names: [(name: String, offset: Int)] = []

  private init(_ text: String) throws { reader = try TokenReader(text) }

  /// The formula of a text and the features it names, with their offsets.
  ///
  /// - Throws: ``TextProblem``.
  static func parse(_ text: String) throws -> (Formula, [(name: String, offset: Int)]) {
    var parser = try FormulaParser(text)
    let formula = try parser.sum()
    guard parser.reader.next.kind == .end else {
      throw parser.reader.unexpected("one of + - * / or the end")
    }
    return (formula, parser.names)
  }

  private mutating func nested(_ body: (inout FormulaParser) throws -> Formula) throws -> Formula {
    var copy = self
    let formula = try reader.nested { reader in
      copy.reader = reader
      let formula = try body(&copy)
      reader = copy.reader
      return formula
    }
    names = copy.names
    return formula
  }

  private mutating func sum() throws -> Formula {
    var left = try product()
    while let sign = reader.takes("+", "-"), let operation = Formula.Operation(rawValue: sign) {
      left = .binary(operation, left, try product())
    }
    return left
  }

  private mutating func product() throws -> Formula {
    var left = try factor()
    while let sign = reader.takes("*", "/"), let operation = Formula.Operation(rawValue: sign) {
      left = .binary(operation, left, try factor())
    }
    return left
  }

  private mutating func factor() throws -> Formula {
    if reader.takes("-") != nil { return .negative(try nested { try $0.factor() }) }
    if reader.takes("(") != nil {
      let inner = try nested { try $0.sum() }
      try reader.expect(")")
      return inner
    }
    let token = reader.next
    switch token.kind {
    case .number(let digits):
      _ = reader.take()
      let scale = digits.contains(".") ? 4 : 0
      guard let value = FeatureChecker.decimal(digits, scale: scale) else {
        throw TextProblem(
          offset: token.offset,
          message: "expected a number of 64 bits with at most 4 decimals, found '\(digits)'")
      }
      return .number(value, scale: scale)
    case .word(let name):
      _ = reader.take()
      if reader.takes("(") != nil { return try call(name, token) }
      names.append((name, token.offset))
      return .feature(name)
    case .quoted, .symbol, .end: throw reader.unexpected("a feature, a number or (")
    }
  }

  private mutating func call(_ name: String, _ token: Token) throws -> Formula {
    let known = Formula.Function.allCases.map(\.rawValue)
    guard let function = Formula.Function(rawValue: name) else {
      throw TextProblem(
        offset: token.offset, message: "expected a function, found '\(name)'",
        hint: Suggestion.hint(for: name, among: known, noun: "functions"))
    }
    var operands = [try nested { try $0.sum() }]
    while reader.takes(",") != nil { operands.append(try nested { try $0.sum() }) }
    try reader.expect(")")
    guard (function == .abs) == (operands.count == 1) else {
      throw TextProblem(
        offset: token.offset,
        message: "expected \(function == .abs ? "one operand" : "two operands or more") of "
          + "\(name), found \(operands.count)")
    }
    return .call(function, operands)
  }
}
