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
    // Nothing of the first one stays, also deeper down.
    #expect(Self.scan(#"{"a":{"b":1,"c":2},"a":{"c":3}}"#, ["a.b", "a.c"]) == [nil, "3"])
    #expect(Self.scan(#"{"a":[1,2],"a":[3]}"#, ["a[0]", "a[1]"]) == ["3", nil])
    #expect(Self.scan(#"{"a":{"b":1},"a":5}"#, ["a.b", "a"]) == [nil, "5"])
  }

  @Test func pathsFindPlacesInArrays() {
    let line = #"{"a":{"b":[{"c":1},{"c":"two","d":[[10,20],[30]]}]},"l":[],"m":[5],"x[1]y":7}"#
    let paths = [
      "a.b[0].c", "a.b[1].c", "a.b[2].c", "a.b[1].d[0][1]", "a.b[1].d[1]", "a.b[1].d", "l[0]",
      "m[0]",
      "m", "m[0].z", "x[1]y",
    ]
    #expect(
      Self.scan(line, paths) == [
        "1", "two", nil, "20", "[30]", "[[10,20],[30]]", nil, "5", "[5]", nil, "7",
      ])
  }

  /// Random documents and random paths, against Foundation's reading of the same text.
  @Test func pathsAgreeWithFoundationOnRandomDocuments() throws {
    var random = SplitMix64(seed: 3)
    func document(_ depth: Int) -> Any {
      switch Int.random(in: 0..<(depth > 3 ? 2 : 5), using: &random) {
      case 0: return Int.random(in: -9...9, using: &random)
      case 1: return ["x", "é\"", "long text"].randomElement(using: &random) ?? ""
      case 2: return (0..<Int.random(in: 0...3, using: &random)).map { _ in document(depth + 1) }
      default:
        let keys = ["a", "b", "c"].shuffled(using: &random).prefix(2)
        return Dictionary(uniqueKeysWithValues: keys.map { ($0, document(depth + 1)) })
      }
    }
    var found = 0
    for _ in 0..<2000 {
      let root = ["a": document(0), "b": document(0)]
      var path = ["a", "b"].randomElement(using: &random) ?? "a"
      var expected: Any? = root[path]
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        if Bool.random(using: &random) {
          let place = Int.random(in: 0...2, using: &random)
          path += "[\(place)]"
          expected = (expected as? [Any]).flatMap { place < $0.count ? $0[place] : nil }
        } else {
          let key = ["a", "b", "c"].randomElement(using: &random) ?? "a"
          path += "." + key
          expected = (expected as? [String: Any])?[key]
        }
      }
      let text = String(
        decoding: try JSONSerialization.data(withJSONObject: root), as: UTF8.self)
      let value = try #require(Self.scan(text, [path]))[0]
      switch expected {
      case nil: #expect(value == nil, "\(path) in \(text)")
      case let number as Int: #expect(value == String(number), "\(path) in \(text)")
      case let string as String: #expect(value == string, "\(path) in \(text)")
      case let other?:
        let again = try JSONSerialization.jsonObject(with: Data((value ?? "").utf8))
        #expect((again as? NSObject) == (other as? NSObject), "\(path) in \(text)")
      }
      if expected != nil { found += 1 }
    }
    #expect(found > 400)
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
