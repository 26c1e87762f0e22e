import Foundation
import Orchestrator
import Pipeline
import Schedules

/// A run without a database in a process of its own, from its start to its end, as `strata dags test`
/// has it: `strata-bench --local-chain TASKS`.
enum LocalRunProbe {
  static let flag = "--local-chain"

  static func main(_ arguments: [String]) async {
    do {
      guard arguments.count == 1, let count = Int(arguments[0]) else {
        throw BenchError("expected TASKS after \(flag), found \(arguments)")
      }
      let run = try LocalRun(
        NothingDAGs.chain(count), interval: DataInterval(day: Day(number: 20_000), in: .utc),
        registry: TaskRegistry([NothingTask.self]), projectDirectory: "/", zone: .utc)
      let outcome = try await run.run()
      guard outcome.succeeded, outcome.tasks.count == count else {
        throw BenchError("expected \(count) tasks to succeed, found \(outcome.run.state)")
      }
    } catch {
      say("\(error)")
      exit(1)
    }
  }

  /// Starts this program again for one run; wall time of the process, in seconds.
  static func run(_ count: Int) throws -> Double {
    try ChildProcess(program: CommandLine.arguments[0], arguments: [flag, "\(count)"]).run()
      .seconds
  }
}
