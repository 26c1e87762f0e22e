import Schedules

/// Turns the fields of one row after another into staged rows and counts.
final class RowMapper {
  let plan: RowPlan
  var counted: Tally
  let buffer: CopyBuffer
  let arena: RowArena
  let machine: RowMachine
  let destination: SourceDefinition.Destination
  var isEvents: Bool { destination == .events }
  var clock: LocalClock
  let reasonTexts: [[UInt8]]
  let columnTexts: [[UInt8]]
  let kinds: [(name: [UInt8], id: Int16)]
  /// Whether a column may be missing without a header that tells.
  let countsFilled: Bool
  /// Times from here on are believed to be mistakes.
  let latest: Int64
  let warnBits: [Int?]
  var json: [UInt8] = []
  var monthStart: Int64 = 0
  var monthEnd: Int64 = 0
  /// The warnings of the row at hand.
  var warned: UInt64 = 0

  /// - Parameter now: when the load began; times long after it are believed to be mistakes.
  init(source: SourceDefinition, arena: RowArena, now: Instant) {
    plan = source.plan
    self.arena = arena
    destination = source.into
    countsFilled = source.format == .ndjson
    latest = min(Self.latestEver, (now + source.futureTolerance).microseconds)
    clock = LocalClock(zone: source.zone)
    counted = Tally(plan: plan)
    buffer = CopyBuffer(capacity: 1 << 19)
    machine = RowMachine(
      instructions: plan.instructions, constants: plan.constants, registers: plan.registers,
      arena: arena)
    reasonTexts =
      RowReason.allCases.map { Array($0.rawValue.utf8) } + plan.checks.map { Array($0.name.utf8) }
    columnTexts = plan.columns.map { Array($0.name.utf8) }
    kinds = source.kinds.sorted { $0.value < $1.value }.map { (Array($0.key.utf8), $0.value) }
    var next = 0
    warnBits = plan.checks.map { check in
      guard check.onFail == .warn else { return nil }
      defer { next += 1 }
      return next
    }
  }

  /// What has been counted.
  var tally: Tally { counted }

  /// How many rows have been read.
  var rowsRead: Int64 { counted.rowsRead }

  /// How many fields a staged row has.
  var width: Int {
    switch destination {
    case .events: 17 + plan.totals.count
    case .customers: 10 + plan.totals.count
    case .merges: 9 + plan.totals.count
    }
  }

  var slots: UnsafeMutablePointer<Slot> { machine.slots }

  /// Why a row cannot be kept: an index into the reasons, and where.
  struct Rejection {
    var reason: Int
    var column: [UInt8]?
  }

  /// Maps one row and appends it to the buffer, good or bad.
  ///
  /// - Parameter positions: where each declared column stands among the fields.
  func map(
    raw: UnsafeRawBufferPointer, fields: UnsafeMutablePointer<Field>, positions: [Int],
    line: Int64, fault: RowFault?
  ) {
    counted.rowsRead += 1
    warned = 0
    let start = buffer.count
    var measured = false
    var rejection: Rejection?
    if !Bytes.areText(raw) {
      rejection = reject(.badEncoding)
    } else if let fault {
      rejection = reject(fault.reason, column: fault.column)
    } else if let fault = readColumns(fields, positions) {
      if let column = fault.column { counted.columnFaults[column] += 1 }
      rejection = reject(fault.reason, column: fault.column)
    } else {
      slots[plan.lineRegister] = .number(line)
      machine.run()
      measured = true
      rejection = overflowingTotal() ?? checkContract()
      if rejection == nil { rejection = append(line: line, raw: raw) }
    }
    // A time that cannot be would leave no row behind it for the loads to come.
    if let column = plan.watermark, measured, slots[column].isValue, slots[column].number < latest {
      counted.watermark = max(counted.watermark, slots[column].number)
    }
    guard let rejection else {
      countGood()
      return
    }
    buffer.truncate(to: start)
    appendRejected(line: line, raw: raw, rejection)
    counted.rowsRejected += 1
    counted.reasons[rejection.reason] += 1
    if measured {
      add(to: &counted.rejected)
    } else if !plan.totals.isEmpty {
      counted.unmeasured += 1
    }
    if counted.samples.count < 10 { keepSample(line, raw, rejection) }
  }

  // MARK: Columns

  func readColumns(
    _ fields: UnsafeMutablePointer<Field>, _ positions: [Int]
  ) -> RowFault? {
    for index in 0..<plan.columns.count {
      let field = fields[positions[index]]
      if field.isNull {
        slots[index] = .null
        continue
      }
      if countsFilled { counted.filled[index] += 1 }
      if case .text = plan.columns[index].type {
        slots[index] = .text(field.base, field.count)
      } else if let reason = read(field.bytes, plan.columns[index].type, into: index) {
        return RowFault(reason: reason, column: index)
      }
    }
    return nil
  }

  func read(
    _ bytes: UnsafeRawBufferPointer, _ type: ColumnType, into index: Int
  ) -> RowReason? {
    switch type {
    case .text: slots[index] = .text(bytes.baseAddress, bytes.count)
    case .integer:
      switch FieldReader.number(bytes, scale: 0, fault: .badInteger) {
      case .success(let value): slots[index] = .number(value)
      case .failure(let error): return error.reason == .tooManyDecimals ? .badInteger : error.reason
      }
    case .decimal(let scale):
      switch FieldReader.number(bytes, scale: scale, fault: .badDecimal) {
      case .success(let value): slots[index] = .number(value)
      case .failure(let error): return error.reason
      }
    case .boolean:
      guard let value = FieldReader.boolean(bytes) else { return .badBoolean }
      slots[index] = .boolean(value)
    case .date:
      guard let day = FieldReader.date(bytes) else { return .badDate }
      slots[index] = .number(Int64(day))
    case .timestamp:
      guard let (local, offset) = FieldReader.timestamp(bytes) else { return .badTimestamp }
      if let offset {
        counted.offsets[index] += 1
        slots[index] = .number(local - Int64(offset) * 1_000_000)
      } else {
        // A date alone says nothing of how the column's times are written.
        if bytes.count > 10 { counted.naives[index] += 1 }
        slots[index] = .number(instant(local))
      }
    case .epoch(let perSecond):
      guard case .success(let value) = FieldReader.number(bytes, scale: 0, fault: .badTimestamp),
        value.magnitude < 1 << 43
      else { return .badTimestamp }
      slots[index] = .number(value * (1_000_000 / perSecond))
    }
    return nil
  }

  func instant(_ local: Int64) -> Int64 {
    let (instant, reading) = clock.instant(of: local)
    if reading == .inGap { warned |= 1 << Tally.gapBit }
    if reading == .repeated { warned |= 1 << Tally.repeatBit }
    return instant
  }

  // MARK: Checks

  func overflowingTotal() -> Rejection? {
    for total in plan.totals where slots[total.register].state == .overflow {
      return reject(.overflow)
    }
    return nil
  }

  func checkContract() -> Rejection? {
    for index in 0..<plan.checks.count {
      let verdict = slots[plan.checks[index].register]
      if verdict.state == .overflow { return reject(.overflow) }
      counted.evaluated[index] += 1
      guard verdict.isValue, verdict.number == 0 else { continue }
      counted.failures[index] += 1
      if let bit = warnBits[index] {
        warned |= 1 << UInt64(bit)
      } else {
        return Rejection(
          reason: RowReason.allCases.count + index,
          column: plan.checks[index].subject.map { Array($0.utf8) })
      }
    }
    return nil
  }

  func reject(_ reason: RowReason, column: Int? = nil) -> Rejection {
    Rejection(reason: reason.index, column: column.map { columnTexts[$0] })
  }

  func reject(_ reason: RowReason, _ field: StaticString) -> Rejection {
    Rejection(reason: reason.index, column: Array("\(field)".utf8))
  }

  // MARK: Counts

  func countGood() {
    add(to: &counted.accepted)
    guard warned != 0 else { return }
    counted.rowsWarned += 1
    var bits = warned
    while bits != 0 {
      counted.warnings[bits.trailingZeroBitCount] += 1
      bits &= bits - 1
    }
  }

  func add(to sums: inout [Int128]) {
    for index in 0..<sums.count {
      let slot = slots[plan.totals[index].register]
      if slot.isValue { sums[index] += Int128(slot.number) }
    }
  }

  func note(_ time: Int64) {
    if time < counted.last { counted.ordered = false }
    counted.first = min(counted.first, time)
    counted.last = max(counted.last, time)
    guard isEvents, time < monthStart || time >= monthEnd else { return }
    let (year, month, _) = LocalTime(microseconds: time).day.components
    counted.months.insert(Int32((year - 1970) * 12 + month - 1))
    let first = Day(year: year, month: month, day: 1)
    monthStart = Int64(first?.number ?? 0) * 86_400_000_000
    monthEnd = Int64(first?.adding(months: 1).number ?? 0) * 86_400_000_000
  }
}

extension RowReason {
  /// Its place among all reasons.
  var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
