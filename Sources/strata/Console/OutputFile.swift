import Foundation
import Inputs

/// A file that appears whole or not at all: written beside its place, then renamed; one whose name ends
/// in `.gz` is compressed. Standard output where there is no path.
///
/// Used by one thread at a time; hence unchecked.
final class OutputFile: @unchecked Sendable {
  private let path: String?
  private let draft: String
  private var descriptor: Int32
  private var gzip: GzipWriter?

  /// Opens the draft.
  ///
  /// - Throws: ``UsageError`` where the folder is missing or may not be written.
  init(path: String?) throws {
    self.path = path
    guard let path else {
      draft = ""
      descriptor = STDOUT_FILENO
      return
    }
    let url = URL(fileURLWithPath: path)
    draft =
      url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).\(getpid())").path
    descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw UsageError(
        message: "expected a file that may be written, found '\(path)': "
          + String(cString: strerror(errno)))
    }
    let opened = descriptor
    if path.hasSuffix(".gz") { gzip = try GzipWriter { try Self.write($0, to: opened) } }
  }

  deinit { abandon() }

  /// Appends bytes; a closed pipe (`strata … | head`) ends the process quietly.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    if let gzip { return try gzip.append(bytes) }
    try Self.write(bytes, to: descriptor)
  }

  /// Gives the file its name, once all of it is on the disk.
  func finish() throws {
    try gzip?.finish()
    gzip = nil
    guard let path else { return }
    guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw Self.failed(path) }
    descriptor = -1
    guard rename(draft, path) == 0 else {
      let fault = Self.failed(path)
      unlink(draft)
      throw fault
    }
  }

  /// Leaves nothing behind where ``finish()`` was not reached.
  private func abandon() {
    guard path != nil, descriptor >= 0 else { return }
    close(descriptor)
    unlink(draft)
  }

  private static func failed(_ path: String) -> UsageError {
    UsageError(
      message: "expected '\(path)' to be written, found: " + String(cString: strerror(errno)))
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
    var offset = 0
    while offset < bytes.count {
      let count = Foundation.write(
        descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EPIPE, descriptor == STDOUT_FILENO { exit(0) }
        throw UsageError(
          message: "expected room for the export, found: " + String(cString: strerror(errno)))
      }
      offset += count
    }
  }
}
