/// A mapping expression as parsed, with the place of each part for messages.
///
/// Places are offsets in Unicode scalars from the start of the expression's text.
indirect enum Expression: Equatable {
  case name(String, at: Int)
  case text(String, at: Int)
  /// `mantissa` × 10^-`scale`.
  case number(Int64, scale: Int, at: Int)
  case boolean(Bool, at: Int)
  case null(at: Int)
  case negate(Expression, at: Int)
  case not(Expression, at: Int)
  case binary(Operator, Expression, Expression, at: Int)
  case isNull(Expression, negated: Bool, at: Int)
  case isOneOf(Expression, [Expression], negated: Bool, at: Int)
  case call(String, [Expression], at: Int)

  enum Operator: String, Equatable {
    case or, and
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case concatenate = "||"
    case add = "+"
    case subtract = "-"
    case multiply = "*"

    /// How tightly it binds; higher is tighter.
    var strength: Int {
      switch self {
      case .or: 1
      case .and: 2
      case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: 4
      case .concatenate: 5
      case .add, .subtract: 6
      case .multiply: 7
      }
    }
  }

  var at: Int {
    switch self {
    case .name(_, let at), .text(_, let at), .number(_, _, let at), .boolean(_, let at),
      .null(let at), .negate(_, let at), .not(_, let at), .binary(_, _, _, let at),
      .isNull(_, _, let at), .isOneOf(_, _, _, let at), .call(_, _, let at):
      at
    }
  }
}

/// A fault in one expression, before its place in the file is known.
struct ExpressionFault: Error, Equatable {
  var code = "inputs.bad_expression"
  var message: String
  var hint: String?
  /// Offset in Unicode scalars from the start of the expression.
  var at: Int
}
