/// Writes one source file day by day and strews flawed rows between the sound ones.
final class SourceWriter {
  private let file: SourceFile
  let out: ByteBuffer
  private var random: Generator
  private var lastID = 0
  private var held: [(due: Int, event: Happening, id: Int)] = []
  private var order: [UInt64] = []
  /// Rows written, header excluded.
  private(set) var rows = 0
  /// Flawed rows by what is wrong with them.
  private(set) var flaws: [Flaw: Int] = [:]

  /// A writer onto an empty file.
  init(file: SourceFile, out: ByteBuffer, seed: UInt64) throws {
    self.file = file
    self.out = out
    // Even streams belong to profiles and odd ones to customers; files count down from the top.
    let index = SourceFile.allCases.firstIndex(of: file) ?? 0
    random = Generator(seed: seed, stream: UInt64.max - UInt64(index))
    if let header = file.header {
      out.append(header)
      try out.endRow()
    }
  }

  /// Writes a day's events in order of time, after the late ones that are due.
  func write(_ events: [Happening], day: Int, dates: [[UInt8]], offsets: [Int]) throws {
    func row(_ event: Happening, _ id: Int, _ flaw: Flaw?) -> Row {
      Row(
        event: event, id: id, date: dates[Int(event.day)], offset: offsets[Int(event.day)],
        flaw: flaw)
    }
    for late in held where late.due <= day { try emit(row(late.event, late.id, nil)) }
    held.removeAll { $0.due <= day }

    order.removeAll(keepingCapacity: true)
    for index in events.indices { order.append(UInt64(events[index].second) << 32 | UInt64(index)) }
    order.sort()
    for key in order {
      let event = events[Int(key & 0xFFFF_FFFF)]
      lastID += 1
      let draw = random.uniform()
      if draw >= 0.999 {
        flaws[.late, default: 0] += 1
        held.append((day + 1 + random.below(5), event, lastID))
        continue
      }
      try emit(row(event, lastID, nil))
      guard let flaw = flaw(draw) else { continue }
      flaws[flaw, default: 0] += 1
      if flaw != .duplicate && flaw != .changed { lastID += 1 }
      try emit(row(event, lastID, flaw == .duplicate ? nil : flaw))
    }
  }

  /// Writes the late rows that are left, and the buffer.
  func finish(dates: [[UInt8]], offsets: [Int]) throws {
    try write([], day: Int.max, dates: dates, offsets: offsets)
    try out.flush()
  }

  /// About 19 flawed rows on 1,000 sound ones.
  private func flaw(_ draw: Double) -> Flaw? {
    switch draw {
    case ..<0.006: .duplicate
    case ..<0.012: .missingCustomer
    case ..<0.015: .badValue
    case ..<0.017: file == .store || file == .support ? .badValue : .unknownKind
    case ..<0.018: .unknownCustomer
    case ..<0.019: file == .orders || file == .store ? .changed : .duplicate
    default: nil
    }
  }

  private func emit(_ row: Row) throws {
    file.write(row, to: out)
    rows += 1
    try out.endRow()
  }
}
