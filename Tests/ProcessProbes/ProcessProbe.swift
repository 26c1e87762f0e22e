import Foundation
import Orchestrator
import Pipeline
import Warehouse

/// What attempts in processes of their own do in tests.
public struct ProcessProbe: RunnableTask {
  /// One of the things that can happen to a process.
  public enum Deed: String, Codable, Sendable {
    /// Returns its own process number.
    case answer
    /// Prints and logs.
    case talk
    /// Ends by a trap.
    case crash
    /// Ends with exit code 7.
    case leave
    /// Takes `number` MiB, writes to them, and returns.
    case allocate
    /// Sleeps `number` seconds in the server.
    case sleepInServer
    /// Sleeps in the server and does not listen when it is told to stop.
    case ignoreStop
    /// Starts a program that outlives it, prints that program's number, and crashes.
    case leaveChild
    /// Inserts a row into `probe` under the fence.
    case publish
    /// Waits for a row in `gate`, then publishes.
    case publishLate
    /// Logs, and then hangs in this process.
    case hang
    /// Fails with an error of its own.
    case fail
  }

  /// `process_probe`.
  public static let kind = "process_probe"
  let deed: Deed
  let number: Int
  let input: Output<Int>?

  /// A probe.
  public init(_ deed: Deed, number: Int = 0, input: Output<Int>? = nil) {
    self.deed = deed
    self.number = number
    self.input = input
  }

  /// Does its deed; returns the process's number, or what it read plus `number`.
  public func run(in context: TaskContext) async throws -> Int {
    let own = Int(ProcessInfo.processInfo.processIdentifier)
    switch deed {
    case .answer: return try context.value(of: input).map { $0 + number } ?? own
    case .talk:
      print("printed to standard output")
      fflush(nil)
      FileHandle.standardError.write(Data("printed to standard error\nwithout an end".utf8))
      context.log.notice("logged", metadata: ["unit": "rows"])
      context.progress(TaskProgress(done: 3, total: 4, unit: "rows"))
    case .crash: fatalError("the probe crashes")
    case .leave:
      FileHandle.standardError.write(Data("the probe leaves\n".utf8))
      exit(7)
    case .allocate: return allocate()
    case .sleepInServer:
      try await context.pool.withConnection {
        _ = try await $0.query("SELECT 1 AS one FROM pg_sleep(\(Double(number)))")
      }
    case .ignoreStop:
      let (pool, number) = (context.pool, number)
      // A task of its own hears nothing of the cancellation.
      try await Task {
        try await pool.withConnection {
          _ = try await $0.query("SELECT 1 AS one FROM pg_sleep(\(Double(number)))")
        }
      }.value
    case .leaveChild: try leaveChild()
    case .publish, .publishLate: try await publish(context)
    case .hang:
      context.log.info("hanging")
      while true { pause() }
    case .fail:
      throw OrchestratorError(
        code: "probe.failed", message: "the probe failed", hint: "change the probe",
        isPermanent: true)
    }
    return own
  }

  private func allocate() -> Int {
    var kept: [[UInt8]] = []
    for megabyte in 0..<number {
      kept.append([UInt8](repeating: UInt8(truncatingIfNeeded: megabyte), count: 1 << 20))
    }
    return kept.reduce(0) { $0 + Int($1[$1.count / 2]) }
  }

  private func leaveChild() throws {
    // Foundation's Process would give it a group of its own.
    var child: pid_t = 0
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
    guard posix_spawnp(&child, "sleep", nil, nil, &words, environ) == 0 else {
      throw OrchestratorError(code: "probe.no_child", message: "sleep could not be started")
    }
    FileHandle.standardError.write(Data("child \(child)\n".utf8))
    fatalError("the probe crashes with a child")
  }

  private func publish(_ context: TaskContext) async throws {
    let (token, late) = (context.attempt.fencingToken, deed == .publishLate)
    try await context.pool.withConnection { connection in
      if late {
        // Another connection opens the gate; the lock is how it is heard without a poll.
        try await connection.execute("SELECT pg_advisory_lock(4711)")
        try await connection.execute("SELECT pg_advisory_unlock(4711)")
      }
      try await connection.transaction { connection in
        try await connection.execute("INSERT INTO probe (token) VALUES (\(token))")
        try await context.fence(connection)
      }
    }
  }
}
