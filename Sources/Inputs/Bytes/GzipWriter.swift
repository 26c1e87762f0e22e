import CZlib

/// Deflates bytes into one gzip member while they are written; memory stays that of zlib's windows.
public final class GzipWriter {
  /// On the heap: zlib keeps the structure's address between calls and compares it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let output: UnsafeMutableRawBufferPointer
  private let write: (UnsafeRawBufferPointer) throws -> Void

  /// A member whose bytes go to `write`.
  ///
  /// - Throws: ``InputError`` `inputs.out_of_memory`.
  public init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
    self.write = write
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    output = .allocate(byteCount: 1 << 16, alignment: 16)
    // 15 bits of window, +16: a gzip wrapper with the time 0, so that equal contents are equal files.
    let status = deflateInit2_(
      stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw InputError(
        code: "inputs.out_of_memory", message: "zlib could not start (status \(status))")
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
    output.deallocate()
  }

  /// Takes bytes in.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    // zlib reads these bytes and never writes them.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(bytes.count)
    try deflate(Z_NO_FLUSH)
  }

  /// Writes what is left, and the member's check sum and length.
  public func finish() throws {
    stream.pointee.next_in = nil
    stream.pointee.avail_in = 0
    try deflate(Z_FINISH)
  }

  private func deflate(_ flush: Int32) throws {
    while true {
      stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      let status = CZlib.deflate(stream, flush)
      guard status != Z_STREAM_ERROR else {
        throw InputError(
          code: "inputs.gzip", message: "expected zlib to deflate, found status \(status)")
      }
      let count = output.count - Int(stream.pointee.avail_out)
      if count > 0 { try write(UnsafeRawBufferPointer(rebasing: output[..<count])) }
      // A full buffer means that there is more.
      if stream.pointee.avail_out > 0 { return }
    }
  }
}
