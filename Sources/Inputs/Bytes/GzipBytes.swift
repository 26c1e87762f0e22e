import CZlib

/// The contents of a gzip file of one or more members, inflated while it is read.
final class GzipBytes: ByteSource {
  private let source: any ByteSource
  private let path: String
  /// On the heap: zlib keeps the structure's address between calls and compares it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var insideMember = false
  private var members = 0
  private var sourceEnded = false
  /// How many bytes have been inflated.
  private(set) var produced = 0

  /// Wraps a source whose next bytes are a gzip header.
  init(_ source: any ByteSource, path: String) throws(InputError) {
    self.source = source
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    input = .allocate(byteCount: 1 << 18, alignment: 16)
    // 15 bits of window, +16: expect the gzip wrapper and check its CRC and length.
    let status = inflateInit2_(stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw InputError(
        code: "inputs.out_of_memory", message: "zlib could not start (status \(status))",
        file: path)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
    input.deallocate()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    let bytes = buffer.bindMemory(to: UInt8.self)
    stream.pointee.next_out = bytes.baseAddress
    stream.pointee.avail_out = UInt32(clamping: bytes.count)
    let capacity = Int(stream.pointee.avail_out)
    while stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0 { try refill() }
      if stream.pointee.avail_in == 0 {
        if insideMember || members == 0 { throw truncated() }
        break
      }
      if !insideMember {
        guard try beginMember() else { break }
      }
      let before = stream.pointee.avail_out
      let status = inflate(stream, Z_NO_FLUSH)
      produced += Int(before - stream.pointee.avail_out)
      switch status {
      case Z_OK, Z_BUF_ERROR: continue
      case Z_STREAM_END: insideMember = false
      default: throw corrupt(status)
      }
    }
    return capacity - Int(stream.pointee.avail_out)
  }

  private func refill() throws(InputError) {
    guard !sourceEnded else { return }
    let count = try source.read(into: input)
    sourceEnded = count == 0
    stream.pointee.next_in = input.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_in = UInt32(count)
  }

  /// Starts the next member; false at the zero bytes with which some tools pad the end.
  private func beginMember() throws(InputError) -> Bool {
    if members > 0 {
      guard try !skipPadding() else { return false }
      inflateReset(stream)
    }
    members += 1
    insideMember = true
    return true
  }

  private func skipPadding() throws(InputError) -> Bool {
    while true {
      if stream.pointee.avail_in == 0 { try refill() }
      guard stream.pointee.avail_in > 0, let next = stream.pointee.next_in else { return true }
      guard next.pointee == 0 else { return false }
      stream.pointee.next_in = next + 1
      stream.pointee.avail_in -= 1
    }
  }

  private func truncated() -> InputError {
    InputError(
      code: "inputs.truncated_gzip",
      message: "expected the end of the gzip stream, found the end of the file after "
        + "\(produced) bytes of content",
      hint: "the file was cut short: deliver it again; nothing of it was loaded", file: path)
  }

  private func corrupt(_ status: Int32) -> InputError {
    let reason = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
    return InputError(
      code: "inputs.corrupt_gzip",
      message: "expected gzip data, found \(reason) after \(produced) bytes of content",
      hint: "the file was damaged: deliver it again; nothing of it was loaded", file: path)
  }
}
