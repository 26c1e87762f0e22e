import Foundation
import Schedules
import Synchronization
import Tasks

/// Prints the steps of a watch, one line each, with what they took.
final class WatchPrinter: Sendable {
  private struct State {
    var events = LatencyWindow()
    var loads = LatencyWindow()
    var steps = LatencyWindow()
    var count = 0
    var lastNotice: String?
  }

  /// A step under `--json`; milliseconds.
  private struct Line: Encodable {
    let step: RefreshStep
    let eventToTransitionP50: Double?
    let eventToTransitionP95: Double?
    let loadToCommitP50: Double?
    let loadToCommitP95: Double?
  }

  private let console: Console
  private let state = Mutex(State())

  init(_ console: Console) { self.console = console }

  func take(_ event: RefreshWatch.Event) {
    switch event {
    case .listening: console.note("listening for loads; SIGTERM drains")
    case .away(let error): console.warn("the database is away: \(error.message)")
    case .step(let step): state.withLock { take(step, &$0) }
    }
  }

  private func take(_ step: RefreshStep, _ state: inout State) {
    if step.kind == .waiting, let notice = step.notice {
      // A wait is told once.
      if state.lastNotice != notice { console.warn(notice) }
      state.lastNotice = notice
    }
    guard step.kind == .touched || step.kind == .everyone else { return }
    state.lastNotice = nil
    state.count += 1
    state.steps.add([step.milliseconds])
    state.events.add(step.eventToTransition)
    if let load = step.loadToCommit { state.loads.add([load]) }
    if console.json {
      do {
        try console.print(
          jsonLine: Line(
            step: step, eventToTransitionP50: state.events.quantile(0.5),
            eventToTransitionP95: state.events.quantile(0.95),
            loadToCommitP50: state.loads.quantile(0.5),
            loadToCommitP95: state.loads.quantile(0.95)))
      } catch {
        console.warn("cannot write JSON: \(error)")
      }
      return
    }
    var text = "\(step.asOf) \(step.sentence), \(Self.time(step.milliseconds))"
    if let load = step.loadToCommit { text += ", load to commit \(Self.time(load))" }
    if !step.eventToTransition.isEmpty, let p50 = state.events.quantile(0.5),
      let p95 = state.events.quantile(0.95)
    {
      text += ", event to transition p50 \(Self.time(p50)), p95 \(Self.time(p95))"
    }
    if let fixed = step.fixedAt { text += " (ranks and cuts of \(fixed))" }
    console.print(text)
  }

  /// The last words.
  func close() {
    let (count, p50, p95) = state.withLock {
      ($0.count, $0.steps.quantile(0.5), $0.steps.quantile(0.95))
    }
    guard let p50, let p95 else { return console.note("no step had anything to do") }
    console.note("\(count) steps, p50 \(Self.time(p50)), p95 \(Self.time(p95))")
  }

  private static func time(_ milliseconds: Double) -> String {
    if milliseconds >= 120_000 { return "\(Int(milliseconds / 60_000)) min" }
    if milliseconds >= 1000 { return String(format: "%.1f s", milliseconds / 1000) }
    return String(format: "%.1f ms", milliseconds)
  }
}
