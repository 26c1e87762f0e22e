import TestSupport
import Testing

@testable import Warehouse

@Suite struct NumericTests {
  @Test(arguments: [
    ("0", "0"), ("-0", "0"), ("0.00", "0.00"), ("1", "1"), ("10000", "10000"), ("1.5", "1.5"),
    ("-12.3400", "-12.3400"), ("123456789.000000001", "123456789.000000001"),
    ("1e3", "1000"), ("1.5e-3", "0.0015"), ("12e-1", "1.2"), (".5", "0.5"), ("5.", "5"),
    ("NaN", "NaN"), ("Infinity", "Infinity"), ("-inf", "-Infinity"), ("+7", "7"),
    ("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
    ("00012", "12"), ("0.0001", "0.0001"), ("0.00001", "0.00001"), ("100000000", "100000000"),
  ])
  func textComesBack(text: String, expected: String) throws {
    #expect(try #require(Numeric(text)).description == expected)
  }

  @Test(arguments: ["", "-", ".", "1..2", "1e", "e5", "abc", "1,5", "--1", "-NaN", "1e999999"])
  func otherTextIsRefused(text: String) { #expect(Numeric(text) == nil) }

  @Test func smallNumbersKeepTheirDecimals() throws {
    let small = try #require(Numeric("1e-1000"))
    #expect(small.scale == 1000)
    #expect(small.description == "0." + String(repeating: "0", count: 999) + "1")
  }

  @Test func equalNumbersAreEqual() {
    #expect(Numeric("1.0") == Numeric("1.000"))
    #expect(Numeric("10000.0") == Numeric("1e4"))
    #expect(Numeric("1") != Numeric("-1"))
    #expect(Numeric("NaN") == Numeric.nan)
    #expect(Set([Numeric("1.0"), Numeric("1.00"), Numeric("1")]).count == 1)
  }

  @Test(arguments: 0...18)
  func scaledIsTheInverse(scale: Int) throws {
    var random = SplitMix64(seed: 99 + UInt64(scale))
    let edges: [Int64] = [0, 1, -1, 9999, 10_000, .max, .min, 123_456]
    let others = (0..<200).map { _ in
      Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random)
    }
    for value in edges + others {
      let numeric = Numeric(value, scale: scale)
      #expect(numeric.scaled(scale) == value)
      #expect(try #require(Numeric(numeric.description)) == numeric)
    }
  }

  @Test func scaledRefusesWhatDoesNotFit() {
    #expect(Numeric("1.25")?.scaled(1) == nil)
    #expect(Numeric("1.25")?.scaled(2) == 125)
    #expect(Numeric("1.2500")?.scaled(2) == 125)
    #expect(Numeric("9223372036854775808")?.scaled(0) == nil)
    #expect(Numeric("-9223372036854775808")?.scaled(0) == .min)
    #expect(Numeric("1e30")?.scaled(0) == nil)
    #expect(Numeric("1e-30")?.scaled(4) == nil)
    #expect(Numeric.nan.scaled(0) == nil)
    #expect(Numeric("0.00")?.scaled(0) == 0)
  }

  @Test func approximateIsTheNearestDouble() throws {
    #expect(try #require(Numeric("0.1")).approximate == 0.1)
    #expect(Numeric.nan.approximate.isNaN)
    #expect(Numeric.infinity.approximate == .infinity)
  }
}
