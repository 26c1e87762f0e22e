import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A finished child process: how long it took and what it needed.
struct Finished: Sendable {
  /// Wall time from before the start to after the end, in seconds.
  let seconds: Double
  /// Time on processors, in seconds.
  let processorSeconds: Double
  /// The most memory that it held, in bytes.
  let peakBytes: Int
  let exitCode: Int32
  let output: String
  let errors: String
}

/// Starts a program and waits for it, with its resource use, which `Process` does not tell.
struct ChildProcess {
  var program: String
  var arguments: [String] = []
  var environment: [String: String] = [:]

  /// Runs to the end; output goes through files, so that nothing here costs the child time.
  ///
  /// - Throws: ``BenchError`` where it cannot start, and where it exits with another code than
  ///   `expected`; nil accepts every code.
  func run(expecting expected: Int32? = 0) throws -> Finished {
    let folder = FileManager.default.temporaryDirectory
    let base = folder.appendingPathComponent("strata-bench-\(UUID().uuidString)").path
    let outputPath = base + ".out"
    let errorPath = base + ".err"
    defer {
      unlink(outputPath)
      unlink(errorPath)
    }
    let clock = ContinuousClock()
    let start = clock.now
    let id = try spawn(output: outputPath, errors: errorPath)
    var status: Int32 = 0
    var usage = rusage()
    while wait4(id, &status, 0, &usage) < 0 {
      guard errno == EINTR else { throw BenchError("cannot wait for \(program): errno \(errno)") }
    }
    let seconds = start.duration(to: clock.now).inSeconds
    #if canImport(Darwin)
      let unit = 1
    #else
      let unit = 1024
    #endif
    // The low seven bits tell the signal, the next eight the exit code.
    let code = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    let finished = Finished(
      seconds: seconds,
      processorSeconds: usage.ru_utime.inSeconds + usage.ru_stime.inSeconds,
      peakBytes: Int(usage.ru_maxrss) * unit, exitCode: code,
      output: try String(contentsOfFile: outputPath, encoding: .utf8),
      errors: try String(contentsOfFile: errorPath, encoding: .utf8))
    if let expected, code != expected {
      let said = (finished.errors + finished.output).suffix(2000)
      throw BenchError(
        "\(program) \(arguments.joined(separator: " ")): expected exit code \(expected), "
          + "found \(code)\n\(said)")
    }
    return finished
  }

  private func spawn(output: String, errors: String) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The threads that Swift tasks run on block all signals, and a child inherits that: it would hear
    // neither its own timers (pgbench's end) nor a request to stop.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setsigmask(&attributes, &blocked)
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = merged.map { strdup("\($0)=\($1)") } + [nil]
    defer {
      for word in words { free(word) }
      for variable in variables { free(variable) }
    }
    var id: pid_t = 0
    let fault = posix_spawnp(&id, program, &actions, &attributes, &words, &variables)
    guard fault == 0 else {
      throw BenchError("cannot start \(program): \(String(cString: strerror(fault)))")
    }
    return id
  }
}

/// Something that keeps a suite from running.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension timeval {
  fileprivate var inSeconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}

extension Duration {
  /// The duration in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
