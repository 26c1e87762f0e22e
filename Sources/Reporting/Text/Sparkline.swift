import Schedules

/// A row of bars of one character each.
enum Sparkline {
  private static let levels = Array("▁▂▃▄▅▆▇█")

  /// The last 14 values as bars between their least and greatest; a gap where there is none.
  static func text(_ values: [Int?]) -> String {
    let shown = values.suffix(14)
    let known = shown.compactMap { $0 }
    guard known.count >= 2, let low = known.min(), let high = known.max() else { return "" }
    return String(
      shown.map { value -> Character in
        guard let value else { return " " }
        guard high > low else { return levels[3] }
        return levels[(value - low) * (levels.count - 1) / (high - low)]
      })
  }
}

/// The time from the start of a run to the last end of a task.
struct Timeline {
  /// The run's start.
  let start: Instant
  /// The last known instant of any task.
  let end: Instant

  init(tasks: [TaskFacts], start: Instant) {
    let attempts = tasks.flatMap(\.attempts)
    self.start = min(start, attempts.map(\.startedAt).min() ?? start)
    end = max(start, attempts.map { $0.finishedAt ?? $0.startedAt }.max() ?? start)
  }

  /// The length in seconds.
  var seconds: Double { elapsed(from: start, to: end) }

  /// Where an attempt lies, as shares of the whole; one that runs reaches to the end.
  func span(of attempt: TaskFacts.Attempt) -> (from: Double, to: Double) {
    guard seconds > 0 else { return (0, 1) }
    let from = elapsed(from: start, to: attempt.startedAt) / seconds
    let to = attempt.finishedAt.map { elapsed(from: start, to: $0) / seconds } ?? 1
    return (min(max(from, 0), 1), min(max(to, from), 1))
  }

  /// A bar for a terminal: blocks where the task was at work, at least one per attempt.
  func bar(of task: TaskFacts, cells: Int) -> String {
    var bar = [Character](repeating: " ", count: cells)
    for attempt in task.attempts {
      let (from, to) = span(of: attempt)
      let first = min(Int(from * Double(cells)), cells - 1)
      let last = max(first, min(Int((to * Double(cells)).rounded(.up)) - 1, cells - 1))
      for index in first...last { bar[index] = "█" }
    }
    while bar.last == " " { bar.removeLast() }
    return String(bar)
  }
}
