/// Scratch memory for the texts that one row makes; emptied, not freed, before the next row.
final class RowArena {
  private var chunks: [(base: UnsafeMutableRawPointer, count: Int)]
  private var used = 0
  private static let chunkSize = 1 << 16

  init() { chunks = [Self.chunk(Self.chunkSize)] }

  deinit { for chunk in chunks { chunk.base.deallocate() } }

  private static func chunk(_ count: Int) -> (base: UnsafeMutableRawPointer, count: Int) {
    (.allocate(byteCount: count, alignment: 16), count)
  }

  /// Forgets the texts of the row before.
  func reset() {
    used = 0
    while chunks.count > 1 { chunks.removeLast().base.deallocate() }
  }

  /// Uninitialised memory that stays in place until ``reset()``.
  func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    let last = chunks[chunks.count - 1]
    if used + count <= last.count {
      defer { used += count }
      return last.base + used
    }
    let chunk = Self.chunk(max(count, Self.chunkSize))
    chunks.append(chunk)
    used = count
    return chunk.base
  }

  /// A copy of a text's UTF-8 bytes.
  func copy(_ text: String) -> UnsafeRawBufferPointer {
    var text = text
    return text.withUTF8 { bytes in
      let memory = UnsafeMutableRawBufferPointer(start: allocate(bytes.count), count: bytes.count)
      memory.copyMemory(from: UnsafeRawBufferPointer(bytes))
      return UnsafeRawBufferPointer(memory)
    }
  }
}
