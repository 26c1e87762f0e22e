import Foundation
import Synchronization

/// A process that this one started, with all that it started in turn, as far as signals go.
final class ProcessGroup: Sendable {
  private struct State {
    var leader: pid_t?
    var isStopped = false
    var isKilled = false
    var isOver = false
  }

  private let state = Mutex(State())
  private let grace: Duration

  init(grace: Duration) {
    self.grace = grace
    Self.survivesBrokenPipes
  }

  /// Writing to a program that has ended is an error, and no reason to die: SIGPIPE, where nobody
  /// has decided about it, is ignored from the first process on. Those that are started get the
  /// usual disposition.
  private static let survivesBrokenPipes: Void = {
    var action = sigaction()
    guard sigaction(SIGPIPE, nil, &action) == 0, isDefault(action) else { return }
    signal(SIGPIPE, SIG_IGN)
  }()

  private static func isDefault(_ action: sigaction) -> Bool {
    #if os(Linux)
      action.__sigaction_handler.sa_handler == nil
    #else
      action.__sigaction_u.__sa_handler == nil
    #endif
  }

  /// Whether it had to be killed.
  var wasKilled: Bool { state.withLock { $0.isKilled } }

  func begin(_ leader: pid_t) {
    let isStopped = state.withLock { state in
      state.leader = leader
      // Its time may have been over before it was there.
      if state.isKilled { Foundation.kill(-leader, SIGKILL) }
      return state.isStopped && !state.isKilled
    }
    if isStopped { terminate() }
  }

  /// Waits until its leader is dead; what remains of it stays, so that its number is nobody else's.
  func waitForDeath() async {
    guard let leader = state.withLock({ $0.leader }) else { return }
    await withCheckedContinuation { continuation in
      // A thread for a wait of the process's length, which takes far more than a thread anyway.
      Thread.detachNewThread {
        var info = siginfo_t()
        while waitid(P_PID, id_t(leader), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        continuation.resume()
      }
    }
  }

  /// Kills what is left; after this no signal is sent, since the number may become another's.
  func end() {
    state.withLock { state in
      if let leader = state.leader { Foundation.kill(-leader, SIGKILL) }
      state.leader = nil
      state.isOver = true
    }
  }

  /// Asks it to end, and kills it where it does not.
  func stop() {
    state.withLock { $0.isStopped = true }
    terminate()
  }

  func kill() {
    state.withLock { state in
      guard !state.isOver else { return }
      state.isKilled = true
      if let leader = state.leader { Foundation.kill(-leader, SIGKILL) }
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
final class Latest<Value: Sendable>: Sendable {
  private let state = Mutex<Value?>(nil)

  var value: Value? { state.withLock { $0 } }

  func set(_ value: Value) { state.withLock { $0 = value } }
}

/// The last few lines that a process printed before it crashed.
final class LastLines: Sendable {
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
