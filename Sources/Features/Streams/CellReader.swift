/// Turns the rows of a batch into cells of a slot, or into events of a sequence.
struct CellReader {
  let slot: RingSlot
  let filters: [RowFilter]
  let number: Int?
  let key: Int?
  /// 1, but for a deliberate fault.
  let sign: Int64

  init(_ slot: RingSlot, _ shape: StreamShape, _ fault: SweepFault?) {
    self.slot = slot
    sign = fault == .ringSubtracts ? -1 : 1
    filters = slot.filters.map { RowFilter($0, shape) }
    number = slot.number.flatMap { shape.numbers.firstIndex(of: $0) }
    key = slot.key.flatMap { shape.keys.firstIndex(of: $0) }
  }

  func read(_ batch: StreamBatch, _ days: [Int32], _ pending: inout RingSweep.Pending) {
    let words = batch.shape.words
    for row in 0..<batch.count {
      var key: Int64 = 0
      if let column = self.key {
        key = batch.keys[row * batch.shape.keys.count + column]
        if key == 0 { continue }
      }
      if slot.plan != nil {
        var steps: UInt32 = 0
        for step in filters.indices where filters[step].passes(batch, row, words) {
          steps |= 1 << UInt32(step)
        }
        if steps == 0 { continue }
        pending.customers.append(batch.customers[row])
        pending.events.append(
          SequenceSearch.Event(at: batch.times[row], steps: steps, key: key))
        continue
      }
      guard filters[0].passes(batch, row, words) else { continue }
      var value: Int64 = 0
      if let number {
        value = batch.numbers[row * batch.shape.numbers.count + number]
        if value == StreamBatch.absent { continue }
      }
      let day = days[row]
      let entry: Ring.Entry
      switch slot.cell {
      case .sum(let what):
        entry = Ring.Entry(day: day, a: sign * (what == .count ? 1 : value), b: 0)
      case .least, .greatest: entry = Ring.Entry(day: day, a: value, b: 0)
      case .first, .last: entry = Ring.Entry(day: day, a: batch.times[row], b: value)
      case .day: entry = Ring.Entry(day: day, a: 0, b: 0)
      case .keys: entry = Ring.Entry(day: day, a: key, b: 1)
      case .sequence: continue
      }
      pending.customers.append(batch.customers[row])
      pending.entries.append(entry)
    }
  }
}
