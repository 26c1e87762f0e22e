import Foundation
import TestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The processes of the experiment, each in a process group of its own; all of them hold the read
/// end of one pipe as their standard input, and end when the driver, who holds the other, is gone.
struct Fleet {
  /// One daemon, over all its lives.
  struct Member {
    let name: String
    let arguments: [String]
    /// 0 while it is down.
    var process: pid_t = 0
    var lives = 0
    /// When a stopped one goes on; nil while it runs.
    var resumesAt: ContinuousClock.Instant?
    /// When one that is down is started again.
    var startsAt: ContinuousClock.Instant?
    /// Whether the driver has killed it.
    var isKilled = false
    /// Since when it has been told to drain; nil if it has not.
    var drainsSince: ContinuousClock.Instant?

    var isUp: Bool { process != 0 && !isKilled && resumesAt == nil && drainsSince == nil }
  }

  /// What a look at the processes found.
  enum Event {
    /// It died after an effect by its own hand, or stopped inside of a transaction.
    case died, stopped
    /// It ended though nobody told it to.
    case fault(String)
  }

  let program: String
  let logs: String
  var members: [Member]
  private var lifeline: (read: Int32, write: Int32)
  private var keeper: pid_t = 0

  init(program: String, logs: String, members: [Member]) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw ChaosError("cannot make a pipe: errno \(errno)") }
    // Children must not inherit the write end: it would keep their siblings alive.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    lifeline = (ends[0], ends[1])
    self.program = program
    self.logs = logs
    self.members = members
  }

  // MARK: Life

  mutating func startKeeper(home: String) throws {
    keeper = try spawn(["keeper", "--home", home], log: "keeper")
  }

  mutating func start(_ index: Int) throws {
    members[index].process = try spawn(members[index].arguments, log: members[index].name)
    members[index].lives += 1
    members[index].startsAt = nil
    members[index].resumesAt = nil
    members[index].isKilled = false
    members[index].drainsSince = nil
  }

  mutating func kill(_ index: Int) {
    members[index].isKilled = true
    signal(index, SIGKILL)
  }

  mutating func stop(_ index: Int, until instant: ContinuousClock.Instant) {
    members[index].resumesAt = instant
    signal(index, SIGSTOP)
  }

  mutating func resume(_ index: Int) {
    members[index].resumesAt = nil
    signal(index, SIGCONT)
  }

  mutating func drain(_ index: Int) {
    members[index].drainsSince = .now
    signal(index, SIGTERM)
  }

  func signal(_ index: Int, _ number: Int32) {
    guard members[index].process != 0 else { return }
    _ = sendSignal(members[index].process, number)
  }

  /// Kills all that is left, stopped or not, and waits for it; the keeper keeps until the end.
  mutating func killAll() {
    for index in members.indices where members[index].process != 0 {
      _ = sendSignal(-members[index].process, SIGKILL)
      var status: Int32 = 0
      while waitpid(members[index].process, &status, 0) < 0, errno == EINTR {}
      members[index].process = 0
    }
  }

  /// Lets go of the lifeline: the keeper does its work, and is waited for.
  mutating func close() {
    _ = closeFile(lifeline.write)
    _ = closeFile(lifeline.read)
    var status: Int32 = 0
    if keeper != 0 { while waitpid(keeper, &status, 0) < 0, errno == EINTR {} }
    keeper = 0
  }

  // MARK: Looking

  /// Sees which processes have ended or stopped since the last look.
  ///
  /// - Parameter pause: how long one that is down stays down.
  mutating func look(_ pause: () -> Duration) -> [(index: Int, event: Event)] {
    var events: [(Int, Event)] = []
    for index in members.indices where members[index].process != 0 {
      var status: Int32 = 0
      guard waitpid(members[index].process, &status, WNOHANG | WUNTRACED) > 0 else { continue }
      if status & 0xff == 0x7f {
        // Stopped: by the driver, or by itself inside of its transaction.
        guard members[index].resumesAt == nil else { continue }
        members[index].resumesAt = .now + pause() + .seconds(3)
        events.append((index, .stopped))
        continue
      }
      let member = members[index]
      members[index].process = 0
      members[index].resumesAt = nil
      members[index].startsAt = .now + pause()
      let (number, code) = (status & 0x7f, (status >> 8) & 0xff)
      if number == SIGKILL {
        if !member.isKilled { events.append((index, .died)) }
      } else if number == SIGTERM && member.drainsSince != nil {
        // It was told before it listened, and had nothing yet to end.
        continue
      } else if number == 0 && code == Node.awayExitCode && member.drainsSince != nil {
        // It was told while the database was away; others take over what it had.
        continue
      } else if number != 0 || code != 0 || member.drainsSince == nil {
        let how = number != 0 ? "of signal \(number)" : "with exit code \(code)"
        events.append(
          (index, .fault("\(member.name) ended \(how), life \(member.lives):\n\(tail(member))")))
      }
    }
    return events
  }

  private func tail(_ member: Member) -> String {
    let path = "\(logs)/\(member.name).log"
    guard let data = FileManager.default.contents(atPath: path) else { return "no log" }
    let lines = String(decoding: data.suffix(8192), as: UTF8.self).split(separator: "\n").suffix(12)
    return lines.map { "    \($0)" }.joined(separator: "\n")
  }

  // MARK: Starting

  private func spawn(_ arguments: [String], log: String) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, and none of the signals blocked that this thread blocks.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    var usual = sigset_t()
    sigemptyset(&usual)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&usual, number) }
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    posix_spawn_file_actions_adddup2(&actions, lifeline.read, 0)
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 1, "\(logs)/\(log).log", flags, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let fault = posix_spawn(&process, program, &actions, &attributes, &words, environ)
    guard fault == 0 else {
      throw ChaosError("cannot start \(program): \(String(cString: strerror(fault)))")
    }
    return process
  }
}

// The members' own `kill` and `close` would hide the system's.
private func sendSignal(_ process: pid_t, _ number: Int32) -> Int32 { kill(process, number) }
private func closeFile(_ descriptor: Int32) -> Int32 { close(descriptor) }
