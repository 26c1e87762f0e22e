/// Why a run cannot go on, for people: what is in which state when nothing can run and not all has
/// ended. The machine never lets that happen by itself, so it tells of a fault of ours or of run
/// tables that somebody changed.
public struct StuckReport: Sendable, Hashable, CustomStringConvertible {
  /// The ids of the tasks in each state, in the order of declaration.
  public let buckets: [TaskState: [String]]
  /// The tasks that wait, each with what its rule sees; sorted as declared.
  public let waiting: [String]

  /// The report on a whole run.
  public init(_ slice: RunSlice, plan: RunPlan) {
    var buckets: [TaskState: [String]] = [:]
    var waiting: [String] = []
    for (number, id) in plan.ids.enumerated() {
      guard let standing = slice.tasks[TaskKey(number)] else { continue }
      buckets[standing.state, default: []].append(id)
      guard standing.state == .waiting else { continue }
      let tally = standing.tally
      waiting.append(
        "\(id) (\(plan.rules[number].rawValue): \(tally.succeeded) success, \(tally.failed) failed,"
          + " \(tally.upstreamFailed) upstream_failed, \(tally.skipped) skipped,"
          + " \(tally.unfinished) unfinished of \(plan.upstreams[number].count))")
    }
    self.buckets = buckets
    self.waiting = waiting
  }

  /// `stuck: nothing can run and not all has ended; success: a, b; waiting: c (all_success: …)`.
  public var description: String {
    let parts = TaskState.allCases.compactMap { state -> String? in
      guard let ids = buckets[state] else { return nil }
      return "\(state.rawValue): " + Self.list(state == .waiting ? waiting : ids)
    }
    return "stuck: nothing can run and not all has ended; " + parts.joined(separator: "; ")
  }

  private static func list(_ items: [String]) -> String {
    let shown = items.prefix(20).joined(separator: ", ")
    return items.count > 20 ? "\(shown) and \(items.count - 20) more" : shown
  }
}
