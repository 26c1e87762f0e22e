import ArgumentParser
import Orchestrator

/// `strata attempt`: one attempt in a process of its own; workers start it, people do not.
struct AttemptCommand: AsyncParsableCommand {
  static let name = "attempt"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Run one attempt that a worker describes on standard input.",
    shouldDisplay: false)

  func run() async throws { try await AttemptProcess.run(registry: .all) }
}
