import Dispatch
import Foundation
import Pipeline
import Schedules
import Subprocess
import Synchronization
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
      await endSessions()
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
      await Self.waitForDeath(of: child.processIdentifier.value)
      // What it started and left behind would keep the pipes open.
      group.end()
      try await messages.value
      try await words.value
    }.terminationStatus
    if let result = ending.value { return .told(result) }
    return .silent(status, lastLines: tail.all)
  }

  /// Waits until the process is dead; its remains stay, so that its number is nobody else's yet.
  private static func waitForDeath(of process: pid_t) async {
    await withCheckedContinuation { continuation in
      // A thread for a wait of the length of the attempt, which has threads of its own anyway.
      Thread.detachNewThread {
        var info = siginfo_t()
        while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        continuation.resume()
      }
    }
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
        at: SystemClock().now(), task: task, attempt: attempt, level: "info",
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
          at: SystemClock().now(), task: task, attempt: attempt, level: "warning",
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

/// The process of an attempt with all that it starts, as far as signals go.
private final class ProcessGroup: Sendable {
  private struct State {
    var leader: pid_t?
    var isStopped = false
    var isKilled = false
  }

  private let state = Mutex(State())
  private let grace: Duration

  init(grace: Duration) { self.grace = grace }

  /// Whether it had to be killed.
  var wasKilled: Bool { state.withLock { $0.isKilled } }

  func begin(_ leader: pid_t) {
    let isStopped = state.withLock { state in
      state.leader = leader
      return state.isStopped
    }
    if isStopped { terminate() }
  }

  /// Kills what is left; after this no signal is sent, since the number may become another's.
  func end() {
    state.withLock { state in
      if let leader = state.leader { Foundation.kill(-leader, SIGKILL) }
      state.leader = nil
    }
  }

  /// Asks it to end, and kills it where it does not.
  func stop() {
    state.withLock { $0.isStopped = true }
    terminate()
  }

  func kill() {
    state.withLock { state in
      guard let leader = state.leader else { return }
      state.isKilled = true
      Foundation.kill(-leader, SIGKILL)
    }
  }

  private func terminate() {
    let isThere = state.withLock { state in
      guard let leader = state.leader else { return false }
      return Foundation.kill(-leader, SIGTERM) == 0
    }
    guard isThere else { return }
    Task {
      guard (try? await Task.sleep(for: grace)) != nil else { return }
      kill()
    }
  }
}

/// A value that one task sets and another reads later.
private final class Latest<Value: Sendable>: Sendable {
  private let state = Mutex<Value?>(nil)

  var value: Value? { state.withLock { $0 } }

  func set(_ value: Value) { state.withLock { $0 = value } }
}

/// The last few lines that a process printed before it crashed.
private final class LastLines: Sendable {
  private struct State {
    var lines: [String] = []
    var isOver = false
  }

  private static let limit = 5
  private let state = Mutex(State())

  var all: [String] { state.withLock { $0.lines } }

  func add(_ line: String) {
    guard !line.allSatisfy(\.isWhitespace) else { return }
    state.withLock { state in
      // The runtime's backtrace follows; it is in the log, and says less than what came before.
      if line.hasPrefix("*** Signal") || line.hasPrefix("*** Program crashed") {
        state.isOver = true
      }
      guard !state.isOver else { return }
      state.lines.append(String(line.prefix(400)))
      if state.lines.count > Self.limit { state.lines.removeFirst() }
    }
  }
}

/// Cuts bytes into lines.
struct LineSplitter {
  /// A longer line is cut here.
  static let limit = 1 << 20
  private var open: [UInt8] = []

  /// The lines that these bytes complete.
  mutating func add(_ bytes: UnsafeRawBufferPointer) -> [String] {
    var lines: [String] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || open.count >= Self.limit {
        lines.append(String(decoding: open, as: UTF8.self))
        open.removeAll(keepingCapacity: true)
        if byte == UInt8(ascii: "\n") { continue }
      }
      open.append(byte)
    }
    return lines
  }

  /// What is left without an end of line; nil for nothing.
  mutating func rest() -> String? {
    defer { open = [] }
    return open.isEmpty ? nil : String(decoding: open, as: UTF8.self)
  }
}
