import Foundation
import Pipeline
import Schedules
import Subprocess
import Warehouse

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// Runs one attempt in a process of its own, and sees to it that nothing of that process is left.
struct ProcessAttempt: Sendable {
  /// The program and its arguments.
  let command: [String]
  let order: ProcessOrder
  let pool: ConnectionPool
  let task: String
  let attempt: Int
  /// What its lines are dated by.
  let clock: any WallClock
  let log: @Sendable (LogLine) -> Void
  let report: @Sendable (TaskProgress) -> Void
  let isStopped: @Sendable () -> Bool
  /// How long the process may take to end in order before it is killed.
  var grace: Duration = .seconds(10)

  /// The end of the attempt; never throws. Cancelling the calling task stops the process: first
  /// SIGTERM to its group, on which it stops its queries and ends, then SIGKILL.
  func run() async -> AttemptResult {
    let group = ProcessGroup(grace: grace)
    // A task of its own: cancelling it would end the reading before the process has ended.
    let work = Task { try await spawn(group) }
    let limit = order.attempt.timeLimit.map { limit in
      Task {
        // The process keeps its limit itself; this is for one that cannot any more.
        guard (try? await Task.sleep(for: limit + grace)) != nil else { return }
        group.kill()
      }
    }
    let result = await withTaskCancellationHandler {
      await work.result
    } onCancel: {
      group.stop()
    }
    limit?.cancel()
    switch result {
    case .success(.told(let result)): return result
    case .success(let silent):
      // A task of its own: this one may be cancelled, and would be refused a connection.
      await Task { await endSessions() }.value
      return judge(silent, wasKilled: group.wasKilled)
    case .failure(let error): return .failed(AttemptFault(error))
    }
  }

  // MARK: The process

  /// How a process ended.
  private enum End: Sendable {
    case told(AttemptResult)
    case silent(TerminationStatus, lastLines: [String])
  }

  private func spawn(_ group: ProcessGroup) async throws -> End {
    var options = PlatformOptions()
    // A group of its own: what it starts goes with it.
    options.processGroupID = 0
    let input = try JSONValue(encoding: order).canonicalText + "\n"
    let (ending, tail) = (Latest<AttemptResult>(), LastLines())
    let status = try await Subprocess.run(
      .path(FilePath(command[0])), arguments: Arguments(Array(command.dropFirst())),
      environment: try environment(), workingDirectory: nil, platformOptions: options,
      input: .inputWriter, output: .sequence, error: .sequence
    ) { child in
      group.begin(child.processIdentifier.value)
      let messages = Task {
        var lines = LineSplitter()
        for try await buffer in child.standardOutput {
          for line in buffer.withUnsafeBytes({ lines.add($0) }) { try take(line, ending) }
        }
      }
      let words = Task {
        var lines = LineSplitter()
        for try await buffer in child.standardError {
          for line in buffer.withUnsafeBytes({ lines.add($0) }) { say(line, tail) }
        }
        if let line = lines.rest() { say(line, tail) }
      }
      // One that died before it read finds nobody at the pipe's end; how it died says why.
      _ = try? await child.standardInputWriter.write(input)
      await group.waitForDeath()
      // What it started and left behind would keep the pipes open.
      group.end()
      try await messages.value
      try await words.value
    }.terminationStatus
    if let result = ending.value { return .told(result) }
    return .silent(status, lastLines: tail.all)
  }

  private func environment() throws -> Environment {
    guard let name = Environment.Key(rawValue: ProcessOrder.databaseVariable) else {
      return .inherit
    }
    return .inherit.updating([name: try pool.options.keywords()])
  }

  private func take(_ line: String, _ ending: Latest<AttemptResult>) throws {
    switch try JSONValue(parsing: line).decoded(as: ProcessMessage.self) {
    case .log(let line): log(line)
    case .progress(let progress): report(progress)
    case .ended(let result): ending.set(result)
    }
  }

  private func say(_ line: String, _ tail: LastLines) {
    tail.add(line)
    log(
      LogLine(
        at: clock.now(), task: task, attempt: attempt, level: "info",
        message: storable(line), metadata: ["stream": "output"]))
  }

  // MARK: The end

  /// Ends the sessions of a process that could not: their queries stop before the attempt counts as
  /// ended.
  private func endSessions() async {
    do {
      _ = try await pool.query(
        SQL(file: "queries/orchestrator/end_attempt_sessions.sql", order.session))
    } catch {
      log(
        LogLine(
          at: clock.now(), task: task, attempt: attempt, level: "warning",
          message: "the sessions of its process could not be ended: \(error)", metadata: [:]))
    }
  }

  /// What the end of a process without a result means.
  private func judge(_ end: End, wasKilled: Bool) -> AttemptResult {
    guard case .silent(let status, let lines) = end else { return .cancelled(reason: "") }
    if isStopped() {
      return .cancelled(
        reason: wasKilled
          ? "stopped on request; its process had to be killed" : "stopped on request")
    }
    let last = lines.isEmpty ? "" : "; it said last: " + lines.joined(separator: " | ")
    let how =
      switch status {
      case .exited(let code): "with exit code \(code)"
      case .signaled(let number): "by \(Self.name(ofSignal: number))"
      }
    if wasKilled, let limit = order.attempt.timeLimit {
      return fail(
        "orchestrator.timed_out",
        "expected an end within \(limit), found none; its process did not stop in order\(last)",
        hint: "raise the task's timeLimit, or see in its log what took long")
    }
    if Self.isOutOfMemory(lines) {
      let limit = order.memoryLimitMegabytes.map { " beyond its limit of \($0) MiB" } ?? ""
      return fail(
        "orchestrator.out_of_memory",
        "the attempt's process ran out of memory\(limit): it ended \(how)\(last)",
        hint: "raise the memory limit of the task's isolation, or let it read in parts")
    }
    if case .signaled(SIGKILL) = status {
      return fail(
        "orchestrator.process_crashed",
        "expected a result, found that the attempt's process was killed \(how)\(last)",
        hint: "the kernel does so where the machine's memory runs out: see its log")
    }
    return fail(
      "orchestrator.process_crashed",
      "expected a result, found that the attempt's process ended \(how)\(last)", hint: nil)
  }

  private func fail(_ code: String, _ message: String, hint: String?) -> AttemptResult {
    .failed(AttemptFault(OrchestratorError(code: code, message: storable(message), hint: hint)))
  }

  /// What Swift, C++ and the loader say when an allocation is refused.
  private static func isOutOfMemory(_ lines: [String]) -> Bool {
    let words = ["failed to allocate", "bad_alloc", "cannot allocate memory", "out of memory"]
    return lines.contains { line in
      let line = line.lowercased()
      return words.contains { line.contains($0) }
    }
  }

  private static func name(ofSignal number: Int32) -> String {
    let names: [Int32: String] = [
      SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGHUP: "SIGHUP", SIGILL: "SIGILL",
      SIGINT: "SIGINT", SIGKILL: "SIGKILL", SIGPIPE: "SIGPIPE", SIGQUIT: "SIGQUIT",
      SIGSEGV: "SIGSEGV", SIGSYS: "SIGSYS", SIGTERM: "SIGTERM", SIGTRAP: "SIGTRAP",
      SIGXCPU: "SIGXCPU",
    ]
    return names[number] ?? "signal \(number)"
  }
}
