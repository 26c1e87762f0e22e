import Foundation

/// What `postmaster.pid` says (source: `miscadmin.h`, "lock file line numbers").
struct PostmasterFile: Equatable {
  enum Phase: String {
    case starting
    case stopping
    case ready
    case standby
  }

  let process: pid_t
  /// Seconds since 1970.
  let startedAt: Int64?
  /// nil in the first moments of a start.
  let phase: Phase?

  init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.first, let process = pid_t(first.trimming), process > 0 else {
      return nil
    }
    self.process = process
    startedAt = lines.count > 2 ? Int64(lines[2].trimming) : nil
    phase = lines.count > 7 ? Phase(rawValue: lines[7].trimming) : nil
  }

  /// The file of a data folder; nil where there is none or it is not readable.
  static func read(_ layout: ClusterLayout) -> PostmasterFile? {
    (try? String(contentsOfFile: layout.processFile, encoding: .utf8)).flatMap(PostmasterFile.init)
  }

  /// Whether some process has that number.
  var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }

  /// Whether that process is the server of this data folder, as far as the system tells.
  ///
  /// After a crash and a restart of the machine another program may have the number.
  func isServer(of layout: ClusterLayout) -> Bool {
    guard isAlive else { return false }
    guard
      let folder = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/\(process)/cwd")
    else { return true }
    return folder == layout.data
  }

  /// Lets a new server start where another program has the number of a crashed one.
  ///
  /// The number is replaced by one that no process has; the file stays, since its last lines let the
  /// new server find out whether children of the old one still use the shared memory.
  static func disown(_ layout: ClusterLayout) throws {
    let text = try String(contentsOfFile: layout.processFile, encoding: .utf8)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    lines[0] = "2147483646"
    let file = open(layout.processFile, O_WRONLY | O_TRUNC | O_NOFOLLOW)
    guard file >= 0 else { throw ClusterFiles.fault("rewrite", layout.processFile) }
    defer { close(file) }
    let bytes = Array(lines.joined(separator: "\n").utf8)
    guard write(file, bytes, bytes.count) == bytes.count else {
      throw ClusterFiles.fault("rewrite", layout.processFile)
    }
    unlink(layout.socket + ".lock")
  }
}

extension Substring {
  fileprivate var trimming: String { String(self).trimmingLines }
}
