import TestSupport
import Testing

@testable import Inputs

@Suite("Bytes: files, gzip, UTF-8")
struct BytesTests {
  private func readAll(_ source: any ByteSource, piece: Int) throws -> [UInt8] {
    var all: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try source.read(into: buffer)
      if count == 0 { return all }
      all += buffer[0..<count]
    }
  }

  private func sample(_ count: Int) -> [UInt8] {
    var random = SplitMix64(seed: 3)
    return (0..<count).map { _ in UInt8.random(in: 97...122, using: &random) }
  }

  @Test(arguments: [1, 7, 4096, 1 << 20])
  func severalMembersAndPaddingInflateToOneStream(_ piece: Int) throws {
    let text = sample(piece == 1 ? 2000 : 300_000)
    let cut = text.count / 3
    let packed =
      gzipped(Array(text[..<cut])) + gzipped(Array(text[cut...]))
      + [UInt8](repeating: 0, count: 512)
    let source = try GzipBytes(MemoryBytes(packed, piece: max(1, piece / 2)), path: "x.gz")
    #expect(try readAll(source, piece: piece) == text)
  }

  @Test func everyCutOfAGzipFileIsNoticed() throws {
    let packed = gzipped(sample(500))
    for length in 2..<packed.count {
      let source = try GzipBytes(MemoryBytes(Array(packed[..<length])), path: "x.gz")
      let error = inputError { _ = try readAll(source, piece: 4096) }
      #expect(error?.code == "inputs.truncated_gzip", "cut at \(length)")
    }
  }

  @Test func damageIsNoticed() throws {
    var packed = gzipped(sample(5000))
    packed[packed.count - 6] ^= 0xFF
    let source = try GzipBytes(MemoryBytes(packed), path: "x.gz")
    #expect(inputError { _ = try readAll(source, piece: 4096) }?.code == "inputs.corrupt_gzip")
  }

  @Test func utf8IsCheckedAsTheStandardLibraryDoes() {
    var random = SplitMix64(seed: 11)
    var accepted = 0
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...20, using: &random)
      var bytes = (0..<count).map { _ in UInt8.random(in: 1...127, using: &random) }
      for _ in 0..<Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
        let scalars: [Unicode.Scalar] = ["é", "€", "😀", "\u{D7FF}", "\u{E000}", "\u{10FFFF}"]
        let text = String(scalars.randomElement(using: &random) ?? "é")
        bytes.insert(contentsOf: text.utf8, at: Int.random(in: 0...bytes.count, using: &random))
      }
      if Bool.random(using: &random), !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      let expected = String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
      #expect(bytes.withUnsafeBytes { Bytes.areText($0) } == expected, "\(bytes)")
      if expected { accepted += 1 }
    }
    #expect(accepted > 5000 && accepted < 19_000)
  }
}
