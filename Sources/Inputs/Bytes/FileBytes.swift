import Diagnostics
import Crypto
import Foundation

/// A stream of bytes read by one thread; a call may block.
protocol ByteSource: AnyObject {
  /// Fills the front of `buffer` and returns how many bytes it wrote; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int
}

/// The bytes of a file as they stand on disk, counted and digested while they pass.
final class FileBytes: ByteSource {
  let path: String
  /// The file's size when it was opened, in bytes.
  let size: Int
  /// How many bytes have been read.
  private(set) var position = 0
  private let descriptor: Int32
  private var hash = SHA256()

  /// Opens a file for reading.
  ///
  /// - Throws: `inputs.missing_file`, `inputs.not_a_file`, `inputs.unreadable_file` or
  ///   `inputs.empty_file`.
  init(path: String) throws(InputError) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw errno == EACCES
        ? Self.unreadable(path, errno)
        : InputError(
          code: "inputs.missing_file", message: "expected a file, found nothing at '\(path)'",
          hint: Self.neighbours(of: path), file: path)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw InputError(
        code: "inputs.not_a_file", message: "expected a file, found a folder",
        hint: "name one file of it", file: path)
    }
    let opened = open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw Self.unreadable(path, errno) }
    descriptor = opened
    size = Int(status.st_size)
    guard size > 0 || status.st_mode & S_IFMT != S_IFREG else {
      throw InputError(
        code: "inputs.empty_file", message: "expected rows, found a file of 0 bytes",
        hint: "was its delivery interrupted?", file: path)
    }
  }

  deinit { close(descriptor) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.unreadable(path, errno)
      }
      position += count
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
      return count
    }
  }

  /// SHA-256 of the bytes read so far, in hexadecimal.
  var digest: String { hash.finalize().map { Hex.byte($0) }.joined() }

  private static func unreadable(_ path: String, _ number: Int32) -> InputError {
    InputError(
      code: "inputs.unreadable_file",
      message: "cannot read the file: \(String(cString: strerror(number)))",
      hint: number == EACCES ? "grant this user the right to read it" : nil, file: path)
  }

  /// Names a file of the same folder that the caller may have meant.
  private static func neighbours(of path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent()
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      return "the folder '\(folder.path)' does not exist either"
    }
    return Suggestion.hint(
      for: url.lastPathComponent, among: names.sorted(), noun: "the folder holds")
      ?? "the folder is empty"
  }
}

/// Lower-case hexadecimal.
enum Hex {
  static func byte(_ value: UInt8) -> String {
    let text = String(value, radix: 16)
    return text.count == 1 ? "0" + text : text
  }
}

extension FileBytes {
  /// SHA-256 of a file, in hexadecimal: of the whole, or of its first bytes.
  static func digest(of path: String, first: Int = .max) throws(InputError) -> String {
    let bytes = try FileBytes(path: path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while bytes.position < first {
      let wanted = min(buffer.count, first - bytes.position)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted])
      if try bytes.read(into: part) == 0 { break }
    }
    return bytes.digest
  }
}
