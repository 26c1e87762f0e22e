import Foundation
import Orchestrator
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// A task that does nothing, and tells the stopwatch when it did.
struct NothingTask: RunnableTask {
  static let kind = "bench_nothing"

  func run(in context: TaskContext) async throws -> NoProduct {
    Stopwatch.shared.stamp(run: context.run.runID)
    return NoProduct()
  }
}

/// A task that sleeps in the server until it is cancelled.
struct ServerSleepTask: RunnableTask {
  static let kind = "bench_server_sleep"
  /// What its query is known by in `pg_stat_activity`.
  static let mark = "bench_server_sleep"

  func run(in context: TaskContext) async throws -> NoProduct {
    _ = try await context.pool.query("SELECT 1 FROM pg_sleep(600) /* bench_server_sleep */")
    return NoProduct()
  }
}

/// When tasks of this process were reached, run by run.
///
/// One for the process: task kinds are decoded from the DAG's snapshot, so they can carry nothing.
final class Stopwatch: Sendable {
  private struct State {
    var stamps: [Int64: [ContinuousClock.Instant]] = [:]
    var tasksUntilNote = Int.max
    var notedBytes: Int?
  }

  static let shared = Stopwatch()
  private let state = Mutex(State())

  func stamp(run: Int64) {
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      state.stamps[run, default: []].append(now)
      state.tasksUntilNote -= 1
      return state.tasksUntilNote == 0
    }
    if isDue {
      let bytes = residentBytes()
      state.withLock { $0.notedBytes = bytes }
    }
  }

  /// Takes out the instants of a run, in order.
  func take(run: Int64) -> [ContinuousClock.Instant] {
    state.withLock { $0.stamps.removeValue(forKey: run) ?? [] }
  }

  /// Forgets all runs: another database numbers its runs from 1 again.
  func forget() { state.withLock { $0.stamps = [:] } }

  /// Lets the task that is reached as number `task` from now note the memory of this process.
  func notesMemory(at task: Int) { state.withLock { $0.tasksUntilNote = task } }

  /// The memory that was noted; nil before.
  var notedBytes: Int? { state.withLock { $0.notedBytes } }
}

/// The shapes that are measured, of tasks that do nothing.
enum NothingDAGs {
  static let kinds: [any RunnableTask.Type] = [NothingTask.self, ServerSleepTask.self]

  /// Each task after the one before it.
  static func chain(_ count: Int) -> DAG {
    DAG("bench_chain_\(count)") { dag in
      var before: [any TaskReference] = []
      for number in 0..<count {
        before = [dag.task(name(number), NothingTask(), after: before)]
      }
    }
  }

  /// No task waits for another.
  static func wide(_ count: Int) -> DAG {
    DAG("bench_wide_\(count)") { dag in
      for number in 0..<count { dag.task(name(number), NothingTask()) }
    }
  }

  /// Layers of 100 tasks, each after two of the layer before it.
  static func layered(_ count: Int) -> DAG {
    let width = 100
    return DAG("bench_layered_\(count)") { dag in
      for number in 0..<count {
        let (layer, place) = number.quotientAndRemainder(dividingBy: width)
        let above = (layer - 1) * width
        let after = layer == 0 ? [] : [name(above + place), name(above + (place + 1) % width)]
        dag.task(name(number), NothingTask(), after: after)
      }
    }
  }

  /// One task that only a cancellation ends.
  static var sleeper: DAG {
    DAG("bench_server_sleep") { dag in dag.task("sleep", ServerSleepTask()) }
  }

  private static func name(_ number: Int) -> String { "task_\(number)" }
}
