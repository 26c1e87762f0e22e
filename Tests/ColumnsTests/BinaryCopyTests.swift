import Foundation
import TestSupport
import Testing

@testable import Columns

@Suite struct BinaryCopyTests {
  /// Encodes one row and hands it to the decoder as the server would: header and row together.
  private func roundTrip<T>(
    columns: Int = 1, _ encode: (inout BinaryCopyEncoder) -> Void,
    _ decode: (inout BinaryCopyRow) throws -> T
  ) throws -> T {
    var encoder = BinaryCopyEncoder(columns: columns)
    encoder.beginRow()
    encode(&encoder)
    let message = encoder.take()
    var decoder = BinaryCopyDecoder()
    return try message.withUnsafeBytes { bytes in
      var row = try #require(try decoder.row(bytes))
      return try decode(&row)
    }
  }

  @Test func streamIsHeaderRowsTrailer() throws {
    var encoder = BinaryCopyEncoder(columns: 1)
    encoder.beginRow()
    encoder.append(int16: 258)
    encoder.finish()
    #expect(
      encoder.take() == [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0,  // signature
        0, 0, 0, 0, 0, 0, 0, 0,  // flags, extension
        0, 1, 0, 0, 0, 2, 1, 2,  // one field of two bytes
        0xFF, 0xFF,  // trailer
      ])
    #expect(encoder.take().isEmpty)
    #expect(encoder.rows == 1)
  }

  @Test func everyTypeComesBack() throws {
    let uuid = UUID()
    try roundTrip(
      columns: 14,
      {
        $0.append(int64: .min)
        $0.append(int32: -7)
        $0.append(int16: .max)
        $0.append(bool: true)
        $0.append(double: -0.1)
        $0.append(float: 1.5)
        $0.append(instant: 1_700_000_000_123_456)
        $0.append(day: -1)
        $0.append(text: "naïve\t🙂")
        $0.append(bytes: [0, 255, 7])
        $0.append(jsonb: "{\"a\": 1}")
        $0.append(uuid: uuid)
        $0.append(int64s: [1, -2, 3])
        $0.append(texts: ["a", "", "é"])
      },
      { (row: inout BinaryCopyRow) throws in
        #expect(try row.int64() == .min)
        #expect(try row.int32() == -7)
        #expect(try row.int16() == .max)
        #expect(try row.bool() == true)
        #expect(try row.double() == -0.1)
        #expect(try row.float() == 1.5)
        #expect(try row.instant() == 1_700_000_000_123_456)
        #expect(try row.day() == -1)
        #expect(try row.text() == "naïve\t🙂")
        #expect(try row.byteArray() == [0, 255, 7])
        #expect(try row.jsonb() == "{\"a\": 1}")
        #expect(try row.uuid() == uuid)
        #expect(try row.int64s() == [1, -2, 3])
        #expect(try row.texts() == ["a", "", "é"])
        #expect(throws: BinaryCopyError.self) { try row.int64() }
      })
  }

  @Test func nullsComeBack() throws {
    try roundTrip(
      columns: 5,
      {
        $0.append(int64: nil)
        $0.append(text: nil)
        $0.append(numeric: nil, scale: 4)
        $0.append(int64s: nil)
        $0.append(int64s: [])
      },
      { (row: inout BinaryCopyRow) throws in
        #expect(try row.int64() == nil)
        #expect(try row.text() == nil)
        #expect(try row.numeric(scale: 4) == nil)
        #expect(try row.int64s() == nil)
        #expect(try row.int64s() == [])
      })
  }

  @Test(arguments: 0...18)
  func numericsComeBack(scale: Int) throws {
    var random = SplitMix64(seed: UInt64(scale))
    var values: [Int64] = [0, 1, -1, 9999, 10_000, -10_001, .max, .min, 1_000_000_000_000_000_000]
    for _ in 0..<200 {
      values.append(
        Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random))
    }
    for value in values {
      let back = try roundTrip(
        { $0.append(numeric: value, scale: scale) }, { try $0.numeric(scale: scale) })
      #expect(back == value, "scale \(scale)")
    }
  }

  @Test func numericRefusesWhatWouldBeLost() throws {
    #expect(throws: BinaryCopyError.self) {
      try roundTrip({ $0.append(numeric: 12345, scale: 3) }, { try $0.numeric(scale: 2) })
    }
    #expect(
      try roundTrip({ $0.append(numeric: 12340, scale: 3) }, { try $0.numeric(scale: 2) }) == 1234)
    #expect(throws: BinaryCopyError.self) {
      try roundTrip({ $0.append(numeric: .max, scale: 0) }, { try $0.numeric(scale: 1) })
    }
    // NaN: no groups, sign 0xC000.
    let nan: [UInt8] = [0, 0, 0, 0, 0xC0, 0, 0, 0]
    #expect(throws: BinaryCopyError.self) {
      try roundTrip({ $0.append(bytes: nan) }, { try $0.numeric(scale: 4) })
    }
  }

  @Test func infinityIsRefused() throws {
    let end = [UInt8]([0x7F]) + [UInt8](repeating: 0xFF, count: 7)
    let error = #expect(throws: BinaryCopyError.self) {
      try roundTrip({ $0.append(bytes: end) }, { try $0.instant() })
    }
    #expect(error?.code == "columns.copy_infinite")
    #expect(throws: BinaryCopyError.self) {
      try roundTrip({ $0.append(bytes: Array(end.prefix(4))) }, { try $0.day() })
    }
  }

  @Test func brokenBytesThrowAndNeverTrap() throws {
    var encoder = BinaryCopyEncoder(columns: 3)
    encoder.beginRow()
    encoder.append(text: "abc")
    encoder.append(numeric: 12_345_678, scale: 4)
    encoder.append(int64s: [1, 2])
    let whole = encoder.take()
    var random = SplitMix64(seed: 7)
    for _ in 0..<2000 {
      var bytes = whole
      if Bool.random(using: &random) {
        bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)))
      } else {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      _ = try? bytes.withUnsafeBytes { buffer in
        var decoder = BinaryCopyDecoder()
        guard var row = try decoder.row(buffer) else { return }
        _ = try row.text()
        _ = try row.numeric(scale: 4)
        _ = try row.int64s()
      }
    }
  }

  @Test func memoryGrowsAndIsReused() throws {
    var encoder = BinaryCopyEncoder(columns: 1)
    let long = String(repeating: "x", count: 300_000)
    var taken = 0
    for _ in 0..<3 {
      encoder.beginRow()
      encoder.append(text: long)
      taken += encoder.take().count
    }
    #expect(taken == 19 + 3 * (2 + 4 + 300_000))
  }
}
