import Foundation
import Schedules

/// The folders and the lock of a cluster.
enum ClusterFiles {
  /// A fault of the file system, from `errno`.
  static func fault(_ verb: String, _ path: String) -> WarehouseError {
    let number = errno
    let reason = String(cString: strerror(number))
    switch number {
    case ENOSPC, EDQUOT:
      return WarehouseError(
        code: "warehouse.disk_full", message: "cannot \(verb) \(path): \(reason)",
        hint: "free space, or choose another folder with STRATA_HOME")
    case EACCES, EPERM, EROFS:
      return WarehouseError(
        code: "warehouse.wrong_owner", message: "cannot \(verb) \(path): \(reason)",
        hint: "run strata as the user that owns the folder, or choose another with STRATA_HOME")
    default:
      return WarehouseError(
        code: "warehouse.cluster_files", message: "cannot \(verb) \(path): \(reason)",
        hint: "choose another folder with STRATA_HOME")
    }
  }

  /// Creates a folder and those above it, open to all for passing through, whatever the umask.
  static func createOpen(_ path: String) throws {
    var facts = stat()
    if stat(path, &facts) == 0 {
      guard facts.st_mode & S_IFMT == S_IFDIR else {
        errno = ENOTDIR
        throw fault("create", path)
      }
      return
    }
    try createOpen(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw fault("create", path) }
    chmod(path, 0o755)
  }

  /// Creates a folder that only its owner enters, or checks that it is one.
  static func createPrivate(_ path: String, owner: ClusterOwner) throws {
    if mkdir(path, 0o700) == 0 {
      guard chmod(path, 0o700) == 0 else { throw fault("open", path) }
      if owner.isOther, chown(path, owner.user, owner.group) != 0 { throw fault("give away", path) }
      return
    }
    var facts = stat()
    guard errno == EEXIST, lstat(path, &facts) == 0 else { throw fault("create", path) }
    // In a folder like /tmp somebody else may have been first.
    guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == owner.user else {
      throw WarehouseError(
        code: "warehouse.wrong_owner",
        message: "expected \(path) to be a folder of user '\(owner.name)',"
          + " found it to be of user \(facts.st_uid)",
        hint: "run strata as the user that made the cluster, or choose another with STRATA_HOME")
    }
    if facts.st_mode & 0o077 != 0 { chmod(path, 0o700) }
  }

  /// Writes a small file in one piece, readable by all.
  static func write(_ text: String, to path: String) throws {
    let draft = path + ".new"
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw fault("write", draft) }
    let bytes = Array(text.utf8)
    let written = Foundation.write(file, bytes, bytes.count)
    let closed = close(file)
    guard written == bytes.count, closed == 0 else { throw fault("write", draft) }
    chmod(draft, 0o644)
    guard rename(draft, path) == 0 else { throw fault("write", path) }
  }

  /// Runs `body` while holding the lock of a cluster: one start or stop at a time on this machine.
  ///
  /// The kernel lets go of the lock when the process ends, however it ends.
  static func locked<T>(
    _ path: String, clock: any WallClock, _ body: () async throws -> T
  ) async throws -> T {
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0 else { throw fault("lock", path) }
    defer { close(file) }
    // Waiting inside flock would block a thread of the cooperative pool.
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw fault("lock", path) }
      try await clock.sleep(for: .milliseconds(20))
    }
    return try await body()
  }
}
