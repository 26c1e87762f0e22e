import Foundation
import Pipeline
import ProcessProbes
import Schedules
import Subprocess
import TestSupport
import Testing

@testable import Orchestrator

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The program of an attempt by itself, as whoever starts it sees it.
@Suite("The process of an attempt", .timeLimit(.minutes(15)))
struct AttemptProcessTests {
  private func order(_ deed: ProcessProbe.Deed) throws -> String {
    let dag = DAG("alone") { $0.task("a", ProcessProbe(deed)) }
    let task = try #require(dag.snapshot().tasks.first)
    let attempt = AttemptOrder(
      definition: task,
      run: RunIdentity(runID: 1, dag: "alone", interval: Local.interval, params: .object([:])),
      attempt: AttemptIdentity(task: "a", attempt: 1, fencingToken: 1), products: [:])
    let order = ProcessOrder(
      attempt: attempt, projectDirectory: "/", zone: .utc, session: "strata w1 a1 a",
      settings: [:], memoryLimitMegabytes: nil)
    return try JSONValue(encoding: order).canonicalText + "\n"
  }

  private func options() -> PlatformOptions {
    var options = PlatformOptions()
    options.processGroupID = 0
    return options
  }

  @Test("its standard output carries messages only, and ends with the result")
  func messages() async throws {
    let result = try await Subprocess.run(
      .path(FilePath(Built.path("attempt-probe"))), platformOptions: options(),
      input: .inputWriter, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20)
    ) { child in
      _ = try await child.standardInputWriter.write(order(.talk))
      // Standard input stays open until the process has ended by itself.
      let group = ProcessGroup(grace: .zero)
      group.begin(child.processIdentifier.value)
      await group.waitForDeath()
    }
    #expect(result.terminationStatus == .exited(0))
    let messages = try result.standardOutput.split(separator: "\n").map {
      try JSONValue(parsing: String($0)).decoded(as: ProcessMessage.self)
    }
    guard messages.count == 3, case .log(let line) = messages[0],
      case .progress(let progress) = messages[1], case .ended(.success) = messages[2]
    else {
      Issue.record("expected a log line, progress and a result, found \(result.standardOutput)")
      return
    }
    #expect(line.message == "logged" && progress.done == 3)
    #expect(
      result.standardError
        == "printed to standard output\nprinted to standard error\nwithout an end")
  }

  @Test("it ends when whoever started it is gone")
  func orphan() async throws {
    let result = try await Subprocess.run(
      .path(FilePath(Built.path("attempt-probe"))), platformOptions: options(),
      input: .inputWriter, output: .sequence, error: .discarded
    ) { child in
      _ = try await child.standardInputWriter.write(order(.hang))
      // Its first message says that it hangs.
      for try await _ in child.standardOutput { break }
      try await child.standardInputWriter.finish()
    }
    #expect(result.terminationStatus == .signaled(SIGKILL))
  }

  @Test("without an order it says so")
  func noOrder() async throws {
    let result = try await Subprocess.run(
      .path(FilePath(Built.path("attempt-probe"))), platformOptions: options(), input: .none,
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    #expect(result.terminationStatus == .exited(2))
    #expect(result.standardError.contains("expected the description of an attempt"))
    #expect(result.standardOutput.isEmpty)
  }
}
