/// Finds the sequences in one customer's events.
///
/// Backward over the steps: an event of step i leads to step j where one of step i + 1, less than
/// the gap later, does. Whether some event in a stretch does is a difference of prefix counts, so
/// the search is O(events x steps x log events).
struct SequenceSearch {
  /// An event that makes some of the steps.
  struct Event {
    /// Microseconds since 1970.
    var at: Int64
    /// Bit i: it passes step i's filter.
    var steps: UInt32
    /// The key's hash where events must share one, else 0.
    var key: Int64
  }

  /// How far the sequence that begins with an event has come.
  struct Found {
    var at: Int64
    /// Every step was made.
    var isComplete: Bool
    /// The furthest step made, from 1.
    var depth: Int64
  }

  let plan: SequencePlan
  /// What happens at it or later does not exist.
  let asOf: Int64
  var fault: SweepFault?

  /// The sequences that begin with any of the events, which are in any order.
  func callAsFunction(_ events: inout [Event]) -> [Found] {
    events.sort { $0.key != $1.key ? $0.key < $1.key : $0.at < $1.at }
    var found: [Found] = []
    var first = 0
    while first < events.count {
      var last = first
      while last < events.count, events[last].key == events[first].key { last += 1 }
      search(events[first..<last], &found)
      first = last
    }
    return found
  }

  private func search(_ events: ArraySlice<Event>, _ found: inout [Found]) {
    let steps = plan.steps.indices.map { step in
      events.filter { $0.steps & (1 << UInt32(step)) != 0 }.map(\.at)
    }
    guard !steps[0].isEmpty else { return }
    let complete = reaching(plan.steps.count - 1, steps)
    var depths = [Int64](repeating: 1, count: steps[0].count)
    let positive = plan.steps.filter { !$0.negated }.count
    for step in 1..<positive {
      let reached = step == plan.steps.count - 1 ? complete : reaching(step, steps)
      for position in reached.indices where reached[position] { depths[position] = Int64(step + 1) }
    }
    for (position, at) in steps[0].enumerated() {
      found.append(Found(at: at, isComplete: complete[position], depth: depths[position]))
    }
  }

  /// For each event of the first step, whether a chain from it makes the step `last`.
  private func reaching(_ last: Int, _ steps: [[Int64]]) -> [Bool] {
    var good = [Bool](repeating: true, count: steps[last].count)
    for step in stride(from: last - 1, through: 0, by: -1) {
      var counts = [0]
      for isGood in good { counts.append((counts.last ?? 0) + (isGood ? 1 : 0)) }
      let next = plan.steps[step + 1]
      let later = steps[step + 1]
      good = steps[step].map { at in
        let strict = fault != .sequenceAllowsTies
        let from = Self.position(of: strict ? at + 1 : at, in: later)
        let until = Self.position(
          of: at + next.within + (fault == .gapIncludesItsEnd ? 1 : 0), in: later)
        guard next.negated else { return counts[until] > counts[from] }
        let settled = at + next.within <= asOf || fault == .negationBeforeItsTime
        return counts[until] == counts[from] && settled
      }
    }
    return good
  }

  /// How many of the ascending times are before `time`.
  private static func position(of time: Int64, in times: [Int64]) -> Int {
    var low = 0
    var high = times.count
    while low < high {
      let middle = (low + high) >> 1
      if times[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
