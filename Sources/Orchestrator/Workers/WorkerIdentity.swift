import Foundation
import Warehouse

/// Who a worker is, so that another process can tell whether it still lives.
struct WorkerIdentity: Sendable, Hashable {
  let host: String
  /// The boot and process namespace: within one, a process id says whether the process lives.
  let hostIdentity: String
  let processID: Int32
  /// When the kernel started the process; empty where it does not say.
  let processStarted: String

  /// This process.
  static let current = WorkerIdentity(
    host: ProcessInfo.processInfo.hostName, hostIdentity: readHostIdentity(),
    processID: ProcessInfo.processInfo.processIdentifier,
    processStarted: readStart(of: ProcessInfo.processInfo.processIdentifier) ?? "")

  /// Whether the process is known to be gone; false where that cannot be told from here.
  func isKnownToBeDead(seenFrom here: WorkerIdentity = .current) -> Bool {
    guard !hostIdentity.isEmpty, hostIdentity == here.hostIdentity else { return false }
    if kill(processID, 0) != 0 && errno == ESRCH { return true }
    guard !processStarted.isEmpty, let started = Self.readStart(of: processID) else { return false }
    return started != processStarted
  }

  private static func readHostIdentity() -> String {
    // Elsewhere than on Linux these files are missing, and only leases tell.
    guard
      let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8),
      let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
    else { return "" }
    return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + space
  }

  /// Field 22 of `/proc/<pid>/stat`, in clock ticks since the boot (proc(5)); nil if unreadable.
  private static func readStart(of process: Int32) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      // The name in parentheses may hold spaces and parentheses.
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? String(fields[19]) : nil
  }
}

extension WorkerIdentity {
  init(_ row: Row) throws {
    host = try row.get("host", as: String.self)
    hostIdentity = try row.get("host_identity", as: String.self)
    processID = try row.get("process_id", as: Int32.self)
    processStarted = try row.get("process_started", as: String.self)
  }
}
