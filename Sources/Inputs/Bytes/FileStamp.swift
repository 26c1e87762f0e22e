import Foundation
import Schedules

/// What the file system says of a file: while it says the same, its content is the same.
///
/// Size and time of the last change alone could be copied from another file; the inode and the time at
/// which its entry changed, which nobody can set, come with them, as in git's index.
struct FileStamp: Equatable, Sendable {
  /// Device, inode, bytes, and both times in nanoseconds.
  let text: String
  private let changedAt: Instant

  /// The stamp of a file; nil for what is no plain file, whose content has no end.
  init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    func nanoseconds(_ time: timespec) -> String {
      String(time.tv_sec) + "." + String(time.tv_nsec)
    }
    text = [
      String(status.st_dev), String(status.st_ino), String(status.st_size),
      nanoseconds(status.st_mtim), nanoseconds(status.st_ctim),
    ].joined(separator: ":")
    changedAt = Instant(seconds: Int64(status.st_ctim.tv_sec))
  }

  /// Whether a later change has another stamp: one of the same tick of the file system's clock had not.
  func isSettled(at now: Instant) -> Bool {
    now.microseconds - changedAt.microseconds > 3_000_000
  }
}
