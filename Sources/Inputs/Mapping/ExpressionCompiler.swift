import Diagnostics
import Schedules

/// Compiles expressions into one register program: columns first, then constants and results.
struct ExpressionCompiler {
  /// What names stand for: columns, `_line`, and in contracts the mapped fields too.
  var names: [String: Operand]
  let zone: Zone
  private(set) var instructions: [Instruction] = []
  private(set) var constants: [(register: Int, value: Constant)] = []
  private(set) var registers: Int

  /// A program whose first registers hold the columns.
  init(columns: [String: Operand], registers: Int, zone: Zone) {
    names = columns
    self.registers = registers
    self.zone = zone
  }

  /// Adds the steps of an expression and returns where its value will stand.
  mutating func compile(_ expression: Expression) throws(ExpressionFault) -> Operand {
    switch expression {
    case .name(let name, let at): return try operand(named: name, at)
    case .text(let text, let at):
      guard !text.unicodeScalars.contains("\0") else {
        throw ExpressionFault(message: "expected a text without NUL", at: at)
      }
      return constant(.text(Array(text.utf8)), .text)
    case .number(let mantissa, let scale, _):
      return constant(.number(mantissa), .number(scale: scale))
    case .boolean(let value, _): return constant(.number(value ? 1 : 0), .boolean)
    case .null: return constant(.null, .null)
    case .negate(let inner, let at):
      let value = try number(inner, for: "'-'", at)
      return emit(.negate, value, type: value.type)
    case .not(let inner, let at):
      return emit(.not, try boolean(inner, for: "'not'", at), type: .boolean)
    case .binary(let sign, let left, let right, let at): return try binary(sign, left, right, at)
    case .isNull(let inner, let negated, _):
      let tested = emit(.isNull, try compile(inner), type: .boolean)
      return negated ? emit(.not, tested, type: .boolean) : tested
    case .isOneOf(let inner, let items, let negated, let at):
      let value = try compile(inner)
      var options: [Operand] = []
      for item in items { options.append(try compile(item)) }
      let found = try isOneOf(value, options, at)
      return negated ? emit(.not, found, type: .boolean) : found
    case .call(let name, let arguments, let at): return try call(name, arguments, at)
    }
  }

  private func operand(named name: String, _ at: Int) throws(ExpressionFault) -> Operand {
    if let operand = names[name] { return operand }
    throw ExpressionFault(
      code: "inputs.unknown_column", message: "expected a column, found '\(name)'",
      hint: Suggestion.hint(for: name, among: names.keys.sorted(), noun: "known are"), at: at)
  }

  mutating func constant(_ value: Constant, _ type: ValueType) -> Operand {
    if let known = constants.first(where: { $0.value == value }) {
      return Operand(register: known.register, type: type)
    }
    defer { registers += 1 }
    constants.append((registers, value))
    return Operand(register: registers, type: type)
  }

  mutating func emit(
    _ operation: Instruction.Operation, _ a: Operand, _ b: Operand? = nil, _ c: Operand? = nil,
    constant: Int64 = 0, type: ValueType
  ) -> Operand {
    defer { registers += 1 }
    instructions.append(
      Instruction(
        operation: operation, target: Int32(registers), a: Int32(a.register),
        b: Int32(b?.register ?? 0), c: Int32(c?.register ?? 0), constant: constant))
    return Operand(register: registers, type: type)
  }

  mutating func number(
    _ expression: Expression, for user: String, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let value = try compile(expression)
    guard case .number = value.type else { throw Self.mismatch(user, "a number", value, at) }
    return value
  }

  mutating func boolean(
    _ expression: Expression, for user: String, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let value = try compile(expression)
    guard value.type == .boolean || value.type == .null else {
      throw Self.mismatch(user, "a condition", value, at)
    }
    return value
  }

  static func mismatch(
    _ user: String, _ wanted: String, _ found: Operand, _ at: Int
  ) -> ExpressionFault {
    ExpressionFault(
      code: "inputs.type_mismatch",
      message: "\(user) expects \(wanted), found \(found.type.name)", at: at)
  }

  /// A text of any value, as `||` needs it: exact decimals, ISO dates, RFC 3339 instants.
  mutating func text(of value: Operand) -> Operand {
    switch value.type {
    case .text, .null: value
    case .number(let scale):
      emit(.numberToText, value, constant: Int64(scale), type: .text)
    case .boolean: emit(.booleanToText, value, type: .text)
    case .date: emit(.dateToText, value, type: .text)
    case .timestamp: emit(.timestampToText, value, type: .text)
    }
  }

  /// The same number with more decimals.
  mutating func rescaled(
    _ value: Operand, to scale: Int, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    guard case .number(let own) = value.type, own < scale else { return value }
    let factor = Decimals.power(scale - own)
    guard let factor else {
      throw ExpressionFault(message: "expected at most 18 decimals, found \(scale)", at: at)
    }
    return emit(.rescale, value, constant: factor, type: .number(scale: scale))
  }

  /// Two values brought to one type; texts beside a date or an instant are read as such.
  mutating func unified(
    _ left: Operand, _ right: Operand, for user: String, _ at: Int
  ) throws(ExpressionFault) -> (Operand, Operand) {
    switch (left.type, right.type) {
    case (.null, _), (_, .null): return (left, right)
    case (.number(let a), .number(let b)):
      let scale = max(a, b)
      return (try rescaled(left, to: scale, at), try rescaled(right, to: scale, at))
    case (.date, .text), (.timestamp, .text):
      return (left, try moment(right, as: left.type, user, at))
    case (.text, .date), (.text, .timestamp):
      return (try moment(left, as: right.type, user, at), right)
    default:
      guard left.type == right.type else {
        throw Self.mismatch(user, "\(left.type.name) on both sides", right, at)
      }
      return (left, right)
    }
  }

  private mutating func moment(
    _ value: Operand, as type: ValueType, _ user: String, _ at: Int
  ) throws(ExpressionFault) -> Operand {
    let known = constants.first { $0.register == value.register }
    guard case .text(let bytes)? = known?.value else {
      throw Self.mismatch(user, type.name, value, at)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if type == .date, let day = Day(iso8601: text) {
      return constant(.number(Int64(day.number)), .date)
    }
    if type == .timestamp, let instant = instant(text) {
      return constant(.number(instant.microseconds), .timestamp)
    }
    throw ExpressionFault(
      code: "inputs.type_mismatch",
      message: "expected a \(type.name) such as 2024-03-10, found '\(text)'", at: at)
  }

  private func instant(_ text: String) -> Instant? {
    if let instant = Instant(rfc3339: text) { return instant }
    guard let (local, rest) = LocalTime.parse(prefixOf: text), rest.isEmpty else { return nil }
    return zone.instants(of: local).first
  }
}
