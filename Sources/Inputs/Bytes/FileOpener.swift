/// Bytes read ahead to look at, followed by the rest of their source.
final class PeekedBytes: ByteSource {
  private let rest: any ByteSource
  private var front: [UInt8]
  private var used = 0

  /// Reads up to `count` bytes ahead.
  init(_ source: any ByteSource, count: Int) throws(InputError) {
    rest = source
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      var failure: InputError?
      let got = bytes.withUnsafeMutableBytes { memory in
        do throws(InputError) {
          return try source.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      if got == 0 { break }
      filled += got
    }
    front = Array(bytes[0..<filled])
  }

  /// What was read ahead.
  var peeked: [UInt8] { front }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard used < front.count else { return try rest.read(into: buffer) }
    let count = min(buffer.count, front.count - used)
    front.withUnsafeBytes { bytes in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[used..<(used + count)]))
    }
    used += count
    return count
  }
}

/// Opens a file for its text: inflated where it is gzip, refused where it is binary.
struct FileOpener {
  /// The bytes on disk, for progress and digest.
  let file: FileBytes
  /// The text.
  let content: any ByteSource

  /// Opens a file and looks at its front.
  ///
  /// - Throws: ``FileBytes``' errors, `inputs.binary_file`, `inputs.wrong_encoding`, or gzip's.
  init(path: String) throws(InputError) {
    file = try FileBytes(path: path)
    let raw = try PeekedBytes(file, count: 16)
    let isGzip = raw.peeked.starts(with: [0x1F, 0x8B])
    let text =
      isGzip
      ? try PeekedBytes(GzipBytes(raw, path: path), count: 1 << 16)
      : try PeekedBytes(raw, count: 1 << 16)
    if let error = Self.refusal(of: text.peeked, path: path) { throw error }
    guard !text.peeked.isEmpty else {
      throw InputError(
        code: "inputs.empty_file", message: "expected rows, found no content", file: path)
    }
    content = text
  }

  private static let magics: [(bytes: [UInt8], name: String, hint: String)] = [
    ([0x50, 0x4B, 0x03, 0x04], "a ZIP or Excel file", "unpack it, or export it as CSV"),
    ([0x50, 0x41, 0x52, 0x31], "a Parquet file", "export it as CSV or NDJSON"),
    (Array("SQLite format 3".utf8), "a SQLite database", "export the table as CSV"),
    (Array("%PDF".utf8), "a PDF", "export the table as CSV"),
    ([0x89, 0x50, 0x4E, 0x47], "a PNG picture", "name the data file"),
    ([0xFF, 0xD8, 0xFF], "a JPEG picture", "name the data file"),
    ([0x7F, 0x45, 0x4C, 0x46], "a program", "name the data file"),
    ([0xD0, 0xCF, 0x11, 0xE0], "an old Excel file", "export it as CSV"),
    ([0x42, 0x5A, 0x68], "a bzip2 file", "repack it with gzip"),
    ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard file", "repack it with gzip"),
    ([0xFD, 0x37, 0x7A, 0x58], "an xz file", "repack it with gzip"),
    ([0x1F, 0x8B], "a gzip file inside a gzip file", "unpack it once"),
  ]

  /// Why these first bytes are not text; nil where they may be.
  static func refusal(of front: [UInt8], path: String) -> InputError? {
    if front.starts(with: [0xFF, 0xFE]) || front.starts(with: [0xFE, 0xFF]) {
      return InputError(
        code: "inputs.wrong_encoding", message: "expected UTF-8 text, found UTF-16",
        hint: "convert it, for example with iconv -f UTF-16 -t UTF-8", file: path)
    }
    for magic in magics where front.starts(with: magic.bytes) {
      return InputError(
        code: "inputs.binary_file", message: "expected text, found \(magic.name)",
        hint: magic.hint, file: path)
    }
    let controls = front.count { $0 < 32 && $0 != 9 && $0 != 10 && $0 != 13 && $0 != 12 }
    // A stray control byte is one row's fault; many of them are another kind of file.
    guard controls * 50 > front.count else { return nil }
    return InputError(
      code: "inputs.binary_file",
      message: "expected text, found binary data (\(controls) control bytes in the first "
        + "\(front.count))",
      hint: "is this the right file?", file: path)
  }
}
