import Diagnostics

extension ExpressionCompiler {
  mutating func binary(
    _ sign: Expression.Operator, _ left: Expression, _ right: Expression, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let user = "'\(sign.rawValue)'"
    switch sign {
    case .and, .or:
      let a = try boolean(left, for: user, at)
      let b = try boolean(right, for: user, at)
      return emit(sign == .and ? .and : .or, a, b, type: .boolean)
    case .add, .subtract:
      let a = try number(left, for: user, at)
      let b = try number(right, for: user, at)
      let (x, y) = try unified(a, b, for: user, at)
      return emit(sign == .add ? .add : .subtract, x, y, type: x.type)
    case .multiply:
      let a = try number(left, for: user, at)
      let b = try number(right, for: user, at)
      guard case .number(let i) = a.type, case .number(let j) = b.type, i + j <= 18 else {
        throw ExpressionFault(
          message: "expected a product of at most 18 decimals",
          hint: "declare the columns with fewer decimals, for example decimal(4)", at: at)
      }
      return emit(.multiply, a, b, type: .number(scale: i + j))
    case .concatenate:
      let a = text(of: try compile(left))
      let b = text(of: try compile(right))
      return emit(.concatenate, a, b, type: .text)
    case .equal: return try compare(left, right, .equal, at)
    case .notEqual: return try compare(left, right, .notEqual, at)
    case .less: return try compare(left, right, .less, at)
    case .lessOrEqual: return try compare(left, right, .lessOrEqual, at)
    case .greater: return try compare(left, right, .greater, at)
    case .greaterOrEqual: return try compare(left, right, .greaterOrEqual, at)
    }
  }

  private mutating func compare(
    _ left: Expression, _ right: Expression, _ relation: Instruction.Relation, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let a = try compile(left)
    let b = try compile(right)
    return try compare(a, b, relation, at)
  }

  mutating func compare(
    _ left: Operand, _ right: Operand, _ relation: Instruction.Relation, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let (a, b) = try unified(left, right, for: "a comparison", at)
    let texts = a.type == .text || b.type == .text
    return emit(
      texts ? .compareTexts : .compareNumbers, a, b, constant: relation.rawValue, type: .boolean)
  }

  mutating func isOneOf(
    _ value: Operand, _ options: [Operand], _ at: Int
  ) throws(ExpressionFault) -> Operand {
    var found: Operand?
    for option in options {
      let same = try compare(value, option, .equal, at)
      found = found.map { emit(.or, $0, same, type: .boolean) } ?? same
    }
    guard let found else {
      throw ExpressionFault(message: "expected at least one value in the list", at: at)
    }
    return found
  }

  /// The functions and how many arguments each takes.
  private static let functions: [(name: String, count: ClosedRange<Int>)] = [
    ("if", 3...3), ("coalesce", 1...16), ("abs", 1...1), ("lower", 1...1), ("upper", 1...1),
    ("trim", 1...1), ("trim_prefix", 2...2), ("trim_suffix", 2...2), ("starts_with", 2...2),
    ("ends_with", 2...2), ("contains", 2...2), ("text", 1...1),
  ]

  mutating func call(
    _ name: String, _ arguments: [Expression], _ at: Int
  ) throws(ExpressionFault) -> Operand {
    guard let function = Self.functions.first(where: { $0.name == name.lowercased() }) else {
      throw ExpressionFault(
        code: "inputs.unknown_function", message: "expected a function, found '\(name)'",
        hint: Suggestion.hint(
          for: name, among: Self.functions.map(\.name).sorted(), noun: "functions"), at: at)
    }
    guard function.count.contains(arguments.count) else {
      let wanted = function.count.lowerBound
      throw ExpressionFault(
        message: "\(function.name) expects \(wanted) argument\(wanted == 1 ? "" : "s"), "
          + "found \(arguments.count)", at: at)
    }
    switch function.name {
    case "if":
      let condition = try boolean(arguments[0], for: "if", at)
      let a = try compile(arguments[1])
      let b = try compile(arguments[2])
      let (x, y) = try unified(a, b, for: "if", at)
      return emit(.select, condition, x, y, type: x.type == .null ? y.type : x.type)
    case "coalesce": return try coalesce(arguments, at)
    case "abs":
      let value = try number(arguments[0], for: "abs", at)
      return emit(.absolute, value, type: value.type)
    case "text": return text(of: try compile(arguments[0]))
    case "lower": return try onTexts(.lower, arguments, type: .text, at)
    case "upper": return try onTexts(.upper, arguments, type: .text, at)
    case "trim": return try onTexts(.trim, arguments, type: .text, at)
    case "trim_prefix": return try onTexts(.trimPrefix, arguments, type: .text, at)
    case "trim_suffix": return try onTexts(.trimSuffix, arguments, type: .text, at)
    case "starts_with": return try onTexts(.startsWith, arguments, type: .boolean, at)
    case "ends_with": return try onTexts(.endsWith, arguments, type: .boolean, at)
    default: return try onTexts(.contains, arguments, type: .boolean, at)
    }
  }

  private mutating func coalesce(
    _ arguments: [Expression], _ at: Int
  ) throws(ExpressionFault) -> Operand {
    var result = try compile(arguments[0])
    for argument in arguments.dropFirst() {
      let (x, y) = try unified(result, try compile(argument), for: "coalesce", at)
      result = emit(.coalesce, x, y, type: x.type == .null ? y.type : x.type)
    }
    return result
  }

  private mutating func onTexts(
    _ operation: Instruction.Operation, _ arguments: [Expression], type: ValueType, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    var operands: [Operand] = []
    for argument in arguments {
      let operand = try compile(argument)
      guard operand.type == .text || operand.type == .null else {
        throw Self.mismatch("\(operation)", "text", operand, argument.at)
      }
      operands.append(operand)
    }
    return emit(operation, operands[0], operands.count > 1 ? operands[1] : nil, type: type)
  }
}
