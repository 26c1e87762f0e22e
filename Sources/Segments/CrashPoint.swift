import Foundation
import Synchronization

/// A named place where a test makes the process die as if by `kill -9`.
///
/// Set the environment variable `STRATA_CRASH_POINT` to a name to die there, or to `name@3` to die
/// when it is passed for the third time. Nothing is cleaned up: no buffer is flushed, no connection
/// closed. It stands in the product, so that what is tested is what runs.
public enum CrashPoint: String, Sendable, CaseIterable {
  /// A publication has written its first rows and is far from done.
  case publishAfterCopy = "publish.after_copy"
  /// A publication has written everything and has not committed.
  case publishBeforeCommit = "publish.before_commit"
  /// A publication has committed and nobody has been told.
  case publishAfterCommit = "publish.after_commit"

  /// The environment variable that names the point to die at.
  public static let variable = "STRATA_CRASH_POINT"

  private static let chosen = Choice(ProcessInfo.processInfo.environment[variable])

  /// Kills the process with SIGKILL when this point is the chosen one.
  func pass() { Self.chosen.pass(rawValue) }

  /// Kills the process where the chosen point is `batch.` and the name of a task kind, and a task of
  /// that kind has finished an interval of a backfill.
  public static func passInterval(of kind: String) { chosen.pass("batch.\(kind)") }

  /// A point and the time of passing it that kills.
  private final class Choice: Sendable {
    private let name: String?
    private let left: Atomic<Int>

    init(_ text: String?) {
      let parts = (text ?? "").split(separator: "@")
      name = parts.first.map(String.init)
      left = Atomic(parts.dropFirst().first.flatMap { Int($0) } ?? 1)
    }

    func pass(_ point: String) {
      guard name == point else { return }
      if left.subtract(1, ordering: .relaxed).newValue == 0 { kill(getpid(), SIGKILL) }
    }
  }
}
