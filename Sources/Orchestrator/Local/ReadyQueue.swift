import Pipeline

/// What may run now, best first: by priority, then in the order that it became ready.
struct ReadyQueue: Sendable {
  private struct Lane {
    var keys: [TaskKey] = []
    /// The first that is not taken.
    var next = 0
  }

  private var lanes: [Int: Lane] = [:]
  /// The priorities with a lane, the greatest last.
  private var priorities: [Int] = []

  /// Adds what has become ready at one instant.
  mutating func add(_ keys: [TaskKey], priority: (TaskKey) -> Int) {
    for key in keys.sorted() {
      let its = priority(key)
      if lanes[its] == nil {
        let place = priorities.firstIndex { $0 > its } ?? priorities.endIndex
        priorities.insert(its, at: place)
      }
      lanes[its, default: Lane()].keys.append(key)
    }
  }

  /// Takes the best one; nil where nothing is ready.
  mutating func popFirst() -> TaskKey? {
    while let best = priorities.last {
      if let next = lanes[best]?.next, let key = lanes[best]?.keys[safe: next] {
        lanes[best]?.next += 1
        return key
      }
      lanes[best] = nil
      priorities.removeLast()
    }
    return nil
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
