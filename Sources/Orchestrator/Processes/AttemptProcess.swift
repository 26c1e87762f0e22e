import Dispatch
import Foundation
import Logging
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// The process that runs one attempt for another process: what `strata attempt` is.
public enum AttemptProcess {
  /// Reads what to do from standard input, does it, and tells what came of it.
  ///
  /// Standard output becomes standard error, which whoever started the process logs; what it was
  /// before carries the messages. SIGTERM stops the attempt, with its queries; the end of standard
  /// input says that whoever started it is gone, and ends the process.
  ///
  /// - Throws: where standard input holds no order that this version can read.
  public static func run(registry: TaskRegistry) async throws {
    let channel = try MessageChannel()
    let order = try readOrder()
    if let limit = order.memoryLimitMegabytes { try limitMemory(megabytes: limit) }
    watchParent()
    let stopping = StopFlag()
    let work = Task(executorPreference: AttemptExecutor.shared) {
      await perform(order, registry, stopping, channel)
    }
    let source = onTermination {
      stopping.raise()
      work.cancel()
    }
    let result = await work.value
    source.cancel()
    channel.send(.ended(result))
  }

  private static func perform(
    _ order: ProcessOrder, _ registry: TaskRegistry, _ stopping: StopFlag,
    _ channel: MessageChannel
  ) async -> AttemptResult {
    let attempt = order.attempt
    let clock = AttemptClock.of(attemptAt: attempt.startedAt, on: SystemClock())
    let handler = AttemptLogHandler(
      attempt: attempt.attempt, clock: clock, buffer: nil
    ) { event in
      if case .log(let line) = event { channel.send(.log(line)) }
    }
    var options = ConnectionOptions(
      ProcessInfo.processInfo.environment[ProcessOrder.databaseVariable] ?? "")
    options.settings = order.settings
    options.applicationName = order.session
    let pool = ConnectionPool(options)
    // What the task starts must not find the way to the database by chance.
    unsetenv(ProcessOrder.databaseVariable)
    let place = AttemptPlace(
      pool: pool.scoped(
        order.session, deadline: attempt.timeLimit.map { ContinuousClock.now + $0 }),
      projectDirectory: order.projectDirectory, zone: order.zone, clock: clock,
      log: Logger(label: "\(attempt.run.dag).\(attempt.definition.id)") { _ in handler },
      report: { channel.send(.progress($0)) })
    let result: AttemptResult
    do {
      result = await attempt.runner(
        of: try registry.task(for: attempt.definition), in: place,
        isStopped: { stopping.isRaised }
      ).run()
    } catch {
      result = .failed(AttemptFault(error))
    }
    await pool.close()
    return result
  }

  // MARK: The process

  private static func readOrder() throws -> ProcessOrder {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while line.last != UInt8(ascii: "\n") {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw OrchestratorError(
          code: "orchestrator.no_order",
          message: "expected the description of an attempt on standard input, found its end",
          hint: "this command is for workers: see `strata worker`")
      }
      line += buffer[..<count]
    }
    return try JSONValue(parsing: String(decoding: line, as: UTF8.self))
      .decoded(as: ProcessOrder.self)
  }

  /// Ends the process, and what it started, when whoever started it is gone: nobody would take its
  /// result, and its token is void.
  private static func watchParent() {
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      if getpgrp() == getpid() { kill(0, SIGKILL) }
      _exit(137)
    }
  }

  private static func onTermination(
    _ action: @escaping @Sendable () -> Void
  ) -> any DispatchSourceSignal {
    signal(SIGTERM, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    source.setEventHandler(handler: action)
    source.resume()
    return source
  }

  /// Limits the memory that the process may take from now on.
  ///
  /// RLIMIT_DATA counts private writable memory: what is allocated. RLIMIT_AS would count what the
  /// allocator merely reserves for each thread (64 MiB and more) and refuse small work. What the
  /// runtime has before the task begins is not the task's, so the limit comes on top of it.
  private static func limitMemory(megabytes: Int) throws {
    let limit = rlim_t(allocatedBytes() + megabytes << 20)
    var value = rlimit(rlim_cur: limit, rlim_max: limit)
    #if os(Linux)
      let resource = __rlimit_resource_t(RLIMIT_DATA.rawValue)
    #else
      let resource = RLIMIT_DATA
    #endif
    guard setrlimit(resource, &value) == 0 else {
      throw OrchestratorError(
        code: "orchestrator.no_memory_limit",
        message: "the memory limit of \(megabytes) MiB could not be set: "
          + String(cString: strerror(errno)))
    }
  }

  /// VmData of `/proc/self/status` in bytes; 0 where it cannot be read.
  private static func allocatedBytes() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmData:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({
        Int($0)
      })
    else { return 0 }
    return kilobytes << 10
  }
}

/// Where the messages go: standard output as it was, moved out of the way of everything that prints.
private final class MessageChannel: Sendable {
  private let descriptor: Int32
  private let writing = Mutex<Void>(())

  init() throws {
    fflush(nil)
    descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
      throw OrchestratorError(
        code: "orchestrator.no_channel",
        message: "standard output could not be moved: \(String(cString: strerror(errno)))")
    }
    // Whoever started the process may be gone: that is for the watch on standard input.
    signal(SIGPIPE, SIG_IGN)
  }

  func send(_ message: ProcessMessage) {
    let line: String
    do {
      line = try JSONValue(encoding: message).canonicalText + "\n"
    } catch {
      // Without its result the attempt counts as crashed; this says why.
      FileHandle.standardError.write(Data("a message could not be encoded: \(error)\n".utf8))
      return
    }
    writing.withLock { _ in
      var bytes = Array(line.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
      }
    }
  }
}
