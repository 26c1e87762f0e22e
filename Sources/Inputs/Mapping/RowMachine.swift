import Schedules

/// Runs a mapping's program over one row after another.
final class RowMachine {
  /// One slot per register; the first ones are the columns.
  let slots: UnsafeMutablePointer<Slot>
  private let registers: Int
  private let steps: UnsafeMutablePointer<Instruction>
  private let stepCount: Int
  private let texts: UnsafeMutableRawPointer
  private let arena: RowArena

  /// A machine with its constants in place.
  init(
    instructions: [Instruction], constants: [(register: Int, value: Constant)], registers: Int,
    arena: RowArena
  ) {
    self.registers = registers
    self.arena = arena
    slots = .allocate(capacity: max(1, registers))
    slots.initialize(repeating: .null, count: max(1, registers))
    steps = .allocate(capacity: max(1, instructions.count))
    for (index, instruction) in instructions.enumerated() {
      (steps + index).initialize(to: instruction)
    }
    stepCount = instructions.count
    let length = constants.reduce(0) { total, constant in
      if case .text(let bytes) = constant.value { return total + bytes.count }
      return total
    }
    texts = .allocate(byteCount: max(1, length), alignment: 1)
    var at = 0
    for (register, value) in constants {
      switch value {
      case .text(let bytes):
        (texts + at).copyMemory(from: bytes, byteCount: bytes.count)
        slots[register] = .text(texts + at, bytes.count)
        at += bytes.count
      case .number(let number): slots[register] = .number(number)
      case .null: slots[register] = .null
      }
    }
  }

  deinit {
    slots.deallocate()
    steps.deallocate()
    texts.deallocate()
  }

  /// Computes every register from the columns' ones.
  func run() {
    for index in 0..<stepCount {
      let step = steps[index]
      slots[Int(step.target)] = result(of: step)
    }
  }

  @inline(__always)
  private func result(of step: Instruction) -> Slot {
    let a = slots[Int(step.a)]
    switch step.operation {
    // Operations that look at null themselves.
    case .isNull: return a.state == .overflow ? a : .boolean(a.state == .null)
    case .coalesce: return a.state == .null ? slots[Int(step.b)] : a
    case .select:
      if a.state == .overflow { return a }
      return slots[Int(a.isValue && a.number != 0 ? step.b : step.c)]
    case .and, .or: return logic(step.operation == .and, a, slots[Int(step.b)])
    default: break
    }
    guard a.isValue else { return a }
    switch step.operation {
    case .negate, .absolute:
      if step.operation == .absolute, a.number >= 0 { return a }
      return a.number == .min ? .overflow : .number(-a.number)
    case .rescale:
      let (value, over) = a.number.multipliedReportingOverflow(by: step.constant)
      return over ? .overflow : .number(value)
    case .not: return .boolean(a.number == 0)
    case .numberToText, .dateToText, .timestampToText, .booleanToText:
      return format(a.number, step)
    case .lower, .upper, .trim: return transform(a, step.operation)
    default: break
    }
    let b = slots[Int(step.b)]
    guard b.isValue else { return b }
    switch step.operation {
    case .add:
      let (value, over) = a.number.addingReportingOverflow(b.number)
      return over ? .overflow : .number(value)
    case .subtract:
      let (value, over) = a.number.subtractingReportingOverflow(b.number)
      return over ? .overflow : .number(value)
    case .multiply:
      let (value, over) = a.number.multipliedReportingOverflow(by: b.number)
      return over ? .overflow : .number(value)
    case .compareNumbers:
      return .boolean(holds(step.constant, a.number == b.number ? 0 : a.number < b.number ? -1 : 1))
    case .compareTexts: return .boolean(holds(step.constant, Bytes.compare(a.bytes, b.bytes)))
    case .concatenate: return concatenate(a, b)
    case .startsWith: return .boolean(Bytes.hasPrefix(a.bytes, b.bytes))
    case .endsWith: return .boolean(Bytes.hasSuffix(a.bytes, b.bytes))
    case .contains: return .boolean(Bytes.contains(a.bytes, b.bytes))
    case .trimPrefix:
      guard Bytes.hasPrefix(a.bytes, b.bytes) else { return a }
      return .text(a.base.map { $0 + b.count }, a.count - b.count)
    case .trimSuffix:
      return Bytes.hasSuffix(a.bytes, b.bytes) ? .text(a.base, a.count - b.count) : a
    case .negate, .absolute, .rescale, .not, .numberToText, .dateToText, .timestampToText,
      .booleanToText, .lower, .upper, .trim, .isNull, .coalesce, .select, .and, .or:
      return .null
    }
  }

  /// Three-valued logic: a false decides `and`, a true decides `or`, whatever the other is.
  private func logic(_ isAnd: Bool, _ a: Slot, _ b: Slot) -> Slot {
    let deciding: Int64 = isAnd ? 0 : 1
    if a.isValue, a.number == deciding { return a }
    if b.isValue, b.number == deciding { return b }
    if a.state == .overflow || b.state == .overflow { return .overflow }
    if a.isValue, b.isValue { return .boolean(isAnd) }
    return .null
  }

  private func holds(_ relation: Int64, _ order: Int) -> Bool {
    switch Instruction.Relation(rawValue: relation) {
    case .equal: order == 0
    case .notEqual: order != 0
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    case nil: false
    }
  }

  private func concatenate(_ a: Slot, _ b: Slot) -> Slot {
    let target = arena.allocate(a.count + b.count)
    if let base = a.base { target.copyMemory(from: base, byteCount: a.count) }
    if let base = b.base { (target + a.count).copyMemory(from: base, byteCount: b.count) }
    return .text(target, a.count + b.count)
  }

  private func format(_ number: Int64, _ step: Instruction) -> Slot {
    if step.operation == .numberToText, step.constant == 0 { return digits(number) }
    let text =
      switch step.operation {
      case .dateToText: Day(number: Int32(clamping: number)).description
      case .timestampToText: Instant(microseconds: number).description
      case .booleanToText: number != 0 ? "true" : "false"
      default: Decimals.text(Int128(number), scale: Int(step.constant))
      }
    let bytes = arena.copy(text)
    return .text(bytes.baseAddress, bytes.count)
  }

  /// An integer's digits, as `_line` needs them on every row.
  private func digits(_ number: Int64) -> Slot {
    let target = arena.allocate(20)
    var rest = number.magnitude
    var at = 20
    repeat {
      at -= 1
      target.storeBytes(of: UInt8(48 + rest % 10), toByteOffset: at, as: UInt8.self)
      rest /= 10
    } while rest > 0
    if number < 0 {
      at -= 1
      target.storeBytes(of: UInt8(ascii: "-"), toByteOffset: at, as: UInt8.self)
    }
    return .text(target + at, 20 - at)
  }

  private func transform(_ a: Slot, _ operation: Instruction.Operation) -> Slot {
    if operation == .trim {
      let kept = Bytes.trimmed(a.bytes)
      return .text(kept.baseAddress, kept.count)
    }
    let upper = operation == .upper
    guard a.bytes.allSatisfy({ $0 < 128 }) else {
      let text = String(decoding: a.bytes, as: UTF8.self)
      let bytes = arena.copy(upper ? text.uppercased() : text.lowercased())
      return .text(bytes.baseAddress, bytes.count)
    }
    let target = arena.allocate(a.count)
    for (index, byte) in a.bytes.enumerated() {
      let isLetter = upper ? (97...122).contains(byte) : (65...90).contains(byte)
      target.storeBytes(of: isLetter ? byte ^ 32 : byte, toByteOffset: index, as: UInt8.self)
    }
    return .text(target, a.count)
  }
}
