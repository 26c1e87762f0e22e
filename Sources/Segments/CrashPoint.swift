import Foundation

/// A named place where a test makes the process die as if by `kill -9`.
///
/// Set the environment variable `STRATA_CRASH_POINT` to a name to die there. Nothing is cleaned
/// up: no buffer is flushed, no connection closed. It stands in the product, so that what is
/// tested is what runs.
public enum CrashPoint: String, Sendable, CaseIterable {
  /// A publication has written its first rows and is far from done.
  case publishAfterCopy = "publish.after_copy"
  /// A publication has written everything and has not committed.
  case publishBeforeCommit = "publish.before_commit"
  /// A publication has committed and nobody has been told.
  case publishAfterCommit = "publish.after_commit"

  /// The environment variable that names the point to die at.
  public static let variable = "STRATA_CRASH_POINT"

  private static let chosen = ProcessInfo.processInfo.environment[variable]

  /// Kills the process with SIGKILL when this point is the chosen one.
  func pass() {
    if Self.chosen == rawValue { kill(getpid(), SIGKILL) }
  }
}
