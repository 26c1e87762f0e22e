/// A window over a stream of bytes: unread bytes stand contiguously, so that records do too.
final class RecordBuffer {
  private var memory: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0

  /// A window that begins with `capacity` bytes and doubles when one record needs more.
  init(capacity: Int = 1 << 20) {
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// The bytes that have been received and not consumed.
  var unread: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }

  /// Marks the first `count` unread bytes as done; pointers to the others stay valid.
  func consume(_ count: Int) { start += count }

  /// Receives one block from a source; false at its end.
  func fill(from source: any ByteSource) throws(InputError) -> Bool {
    makeRoom(for: 1 << 16)
    let free = UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    let count = try source.read(into: free)
    end += count
    return count > 0
  }

  /// Appends a copy of `bytes`.
  func append(_ bytes: UnsafeRawBufferPointer) {
    makeRoom(for: bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: memory[end...]).copyMemory(from: bytes)
    end += bytes.count
  }

  private func makeRoom(for count: Int) {
    if memory.count - end >= count { return }
    let kept = end - start
    if memory.count - kept >= count, kept <= memory.count / 2 {
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
    } else {
      var capacity = memory.count * 2
      while capacity - kept < count { capacity *= 2 }
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
      memory.deallocate()
      memory = larger
    }
    start = 0
    end = kept
  }
}
