import Foundation
import TestSupport
import Testing

@testable import Inputs

@Suite("NDJSON: one object per line")
struct JSONScannerTests {
  /// The fields of one line; nil where it is refused.
  static func scan(_ line: String, _ paths: [String]) -> [String?]? {
    let scanner = JSONScanner(paths: paths)
    let arena = RowArena()
    let bytes = Array(line.utf8)
    return bytes.withUnsafeBytes { bytes -> [String?]? in
      guard case .record(_, _, _, let fault) = scanner.scan(bytes, atEnd: true, arena: arena),
        fault == nil
      else { return nil }
      return paths.indices.map { index in
        let field = scanner.fields[index]
        return field.isNull ? nil : String(decoding: field.bytes, as: UTF8.self)
      }
    }
  }

  @Test func pathsFindNestedValues() {
    let line =
      #"{"a":{"b":{"c":"deep"},"n":-1.5e3},"t":true,"z":null,"l":[1,{"a":2}],"s":"x\"y\u00e9\ud83d\ude00"}"#
    let paths = ["a.b.c", "a.n", "t", "z", "l", "s", "missing", "a.b"]
    #expect(
      Self.scan(line, paths) == [
        "deep", "-1.5e3", "true", nil, #"[1,{"a":2}]"#, "x\"yé😀", nil, #"{"c":"deep"}"#,
      ])
  }

  @Test func theLastOfRepeatedKeysCounts() {
    #expect(Self.scan(#"{"a":1,"a":2}"#, ["a"]) == ["2"])
  }

  @Test(arguments: [
    #"{"a":1"#, #"{"a" 1}"#, #"{a:1}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":+1}"#, #"{"a":tru}"#,
    #"{"a":"x}"#, #"{"a":1} x"#, #"[1]"#, #"{"a":"\x"}"#, #"{"a":"\ud83d"}"#, #"{"a":1,}"#,
    #"{"a":"\u0000"}"#, "{\"a\":\"\t\"}", #"{"a":[1,]}"#, "nonsense", #"{"a":.5}"#, #"{"a":-}"#,
  ])
  func malformedLinesAreRefused(_ line: String) {
    #expect(Self.scan(line, ["a"]) == nil)
  }

  @Test func deepNestingIsRefusedNotFollowed() {
    let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
    #expect(Self.scan("{\"a\":\(deep)}", ["a"]) == nil)
  }

  @Test func agreesWithFoundationOnRandomText() {
    var random = SplitMix64(seed: 7)
    let pieces = ["{", "}", "\"a\"", ":", "1", ",", "null", "[", "]", "-", "2.5", "\"x\\n\"", " "]
    var sound = 0
    for _ in 0..<20_000 {
      let count = Int.random(in: 3...9, using: &random)
      let text =
        "{\"a\":"
        + (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined() + "}"
      // Foundation takes a comma before a closing bracket; RFC 8259 does not.
      let tight = text.replacing(" ", with: "")
      if tight.contains(",}") || tight.contains(",]") { continue }
      let expected = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) != nil
      #expect((Self.scan(text, ["a"]) != nil) == expected, "\(text)")
      if expected { sound += 1 }
    }
    #expect(sound > 50)
  }
}
