import CZlib
import Foundation

@testable import Inputs

/// Bytes in memory as a source, handed out in pieces of one size.
final class MemoryBytes: ByteSource {
  private let bytes: [UInt8]
  private let piece: Int
  private var at = 0

  init(_ bytes: [UInt8], piece: Int = .max) {
    self.bytes = bytes
    self.piece = piece
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    let count = min(buffer.count, bytes.count - at, piece)
    bytes.withUnsafeBytes { all in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[at..<(at + count)]))
    }
    at += count
    return count
  }
}

/// gzip of some bytes, one member.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  deflateInit2_(
    &stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: bytes.count + 1024)
  let capacity = output.count
  let left = input.withUnsafeMutableBufferPointer { source in
    output.withUnsafeMutableBufferPointer { target in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(source.count)
      stream.next_out = target.baseAddress
      stream.avail_out = UInt32(capacity)
      deflate(&stream, Z_FINISH)
      return Int(stream.avail_out)
    }
  }
  return Array(output[0..<(capacity - left)])
}

/// A folder that is removed when the value goes.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-inputs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file and returns its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    return file.path
  }

  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}

/// A catalogue of one project in a temporary folder, with the sources' text as given.
func catalogue(
  _ sources: String, in folder: TemporaryFolder, environment: [String: String] = [:]
) throws -> SourceCatalogue {
  _ = try folder.write("project.yaml", "name: test\nzone: Europe/Lisbon\ncurrency: EUR\n")
  let path = try folder.write("sources.yaml", sources)
  return try SourceCatalogue.load(path, environment: environment)
}

/// The error that a body throws; nil where it throws none or another kind.
func inputError(_ body: () throws -> Void) -> InputError? {
  do {
    try body()
    return nil
  } catch {
    return error as? InputError
  }
}

/// The error that a body throws; nil where it throws none or another kind.
func inputError(_ body: () async throws -> Void) async -> InputError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? InputError
  }
}
