/// What a register may hold.
enum ValueType: Equatable, Sendable {
  case text
  /// An exact number: an integer × 10^-scale.
  case number(scale: Int)
  case boolean
  /// A day number since 1970.
  case date
  /// Microseconds since 1970 in UTC.
  case timestamp
  /// The literal `null`, which fits every type.
  case null

  /// As said in messages.
  var name: String {
    switch self {
    case .text: "text"
    case .number(scale: 0): "integer"
    case .number: "decimal"
    case .boolean: "boolean"
    case .date: "date"
    case .timestamp: "timestamp"
    case .null: "null"
    }
  }
}

/// One register: a value, nothing, or a number that did not fit.
struct Slot {
  enum State: UInt8 { case value, null, overflow }

  var state: State
  /// Number, day, microseconds, or 0 and 1 for a boolean.
  var number: Int64
  var base: UnsafeRawPointer?
  var count: Int

  static var null: Slot { Slot(state: .null, number: 0, base: nil, count: 0) }
  static var overflow: Slot { Slot(state: .overflow, number: 0, base: nil, count: 0) }

  @inline(__always)
  static func number(_ value: Int64) -> Slot {
    Slot(state: .value, number: value, base: nil, count: 0)
  }

  @inline(__always)
  static func boolean(_ value: Bool) -> Slot { number(value ? 1 : 0) }

  @inline(__always)
  static func text(_ base: UnsafeRawPointer?, _ count: Int) -> Slot {
    Slot(state: .value, number: 0, base: base, count: count)
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
  var isValue: Bool { state == .value }
}

/// One step of a mapping: `target` := operation of up to three registers.
///
/// Null operands give null, save for the operations whose comment says otherwise.
struct Instruction: Sendable, Equatable {
  enum Operation: UInt8, Sendable {
    case add, subtract, multiply, negate, absolute
    /// `a` × `constant`, a power of ten.
    case rescale
    /// `constant` is the relation.
    case compareNumbers, compareTexts
    /// Three-valued.
    case and, or, not
    /// Never null.
    case isNull
    /// `a` true: `b`, else `c`.
    case select
    /// `a` unless it is null, else `b`.
    case coalesce
    case concatenate
    /// `constant` is the scale.
    case numberToText
    case dateToText, timestampToText, booleanToText
    case lower, upper, trim
    case trimPrefix, trimSuffix, startsWith, endsWith, contains
  }

  enum Relation: Int64, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }

  var operation: Operation
  var target: Int32
  var a: Int32
  var b: Int32 = 0
  var c: Int32 = 0
  var constant: Int64 = 0
}

/// A register's value known when the catalogue is read.
enum Constant: Sendable, Equatable {
  case text([UInt8])
  case number(Int64)
  case null
}

/// A register with its type.
struct Operand: Sendable, Equatable {
  var register: Int
  var type: ValueType
}
