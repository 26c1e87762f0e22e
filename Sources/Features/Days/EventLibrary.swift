import Schedules

/// Events of some days in memory, by local day, for the rings of the steps over them.
struct EventLibrary: Sendable {
  /// What to give to it; nil where no step reads events.
  let read: StreamRead?
  private let days: LocalDays
  private var byDay: [Int32: StreamBatch] = [:]

  /// A library for what several steps read.
  init(_ reads: [StreamRead], days: LocalDays) {
    self.days = days
    guard let to = reads.map(\.to).max() else {
      read = nil
      return
    }
    let from = reads.contains { $0.from == nil } ? nil : reads.compactMap(\.from).min()
    let slots = Set(reads.flatMap(\.slots)).map { (name: $0.name, slot: $0) }
    read = StreamRead(
      from: from, to: to, slots: slots.sorted { $0.name < $1.name }.map(\.slot),
      purpose: .entering)
  }

  /// Keeps the rows of a batch of ``read``.
  mutating func add(_ batch: StreamBatch) {
    for (row, day) in days.numbers(of: batch.times).enumerated() {
      byDay[day, default: StreamBatch(shape: batch.shape)].append(row, of: batch)
    }
  }

  /// The rows that a step reads.
  func batches(for read: StreamRead) -> [StreamBatch] {
    let last = days.lastDay(before: read.to).number
    let first = read.from.map { days.day(of: $0).number } ?? byDay.keys.min() ?? last
    if first > last { return [] }
    return (first...last).compactMap { number in
      guard let batch = byDay[number] else { return nil }
      let day = Day(number: number)
      let from = read.from.map(\.microseconds) ?? .min
      let to = read.to.microseconds
      if days.zone.midnight(day).microseconds >= from, days.end(of: day).microseconds <= to {
        return batch
      }
      var part = StreamBatch(shape: batch.shape)
      for row in 0..<batch.count where batch.times[row] >= from && batch.times[row] < to {
        part.append(row, of: batch)
      }
      return part
    }
  }
}

extension StreamBatch {
  /// Adds a row of another batch of the same shape.
  mutating func append(_ row: Int, of other: StreamBatch) {
    customers.append(other.customers[row])
    times.append(other.times[row])
    kinds.append(other.kinds[row])
    let words = shape.words
    bits.append(contentsOf: other.bits[row * words..<(row + 1) * words])
    let numbers = shape.numbers.count
    self.numbers.append(contentsOf: other.numbers[row * numbers..<(row + 1) * numbers])
    let keys = shape.keys.count
    self.keys.append(contentsOf: other.keys[row * keys..<(row + 1) * keys])
  }
}

extension LocalDays {
  /// The local days of times in microseconds, by search among the midnights around them.
  func numbers(of times: [Int64]) -> [Int32] {
    guard let first = times.min(), let last = times.max() else { return [] }
    let start = day(of: Instant(microseconds: first))
    let end = day(of: Instant(microseconds: last))
    let midnights = midnights(from: start, through: end + 1).map(\.microseconds)
    var guess = 0
    return times.map { time in
      if !(midnights[guess] <= time && time < midnights[guess + 1]) {
        var low = 0
        var high = midnights.count - 1
        while high - low > 1 {
          let middle = (low + high) >> 1
          if midnights[middle] <= time { low = middle } else { high = middle }
        }
        guess = low
      }
      return start.number + Int32(guess)
    }
  }
}
