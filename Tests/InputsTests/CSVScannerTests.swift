import TestSupport
import Testing

@testable import Inputs

/// What a scanner found, copied out of its buffers.
struct ScannedRow: Equatable {
  var fields: [String?]
  var line: Int
  var raw: String
  var bad = false
}

@Suite("CSV: RFC 4180 on bytes")
struct CSVScannerTests {
  /// Scans a whole text through a window that receives `piece` bytes at a time.
  static func scan(_ text: String, delimiter: UInt8 = 44, piece: Int = .max) throws -> [ScannedRow]
  {
    let source = MemoryBytes(Array(text.utf8), piece: piece)
    let window = RecordBuffer(capacity: 16)
    let scanner = CSVScanner(delimiter: delimiter)
    let arena = RowArena()
    var rows: [ScannedRow] = []
    var line = 1
    func drain(_ atEnd: Bool) {
      while true {
        arena.reset()
        let unread = window.unread
        switch scanner.scan(unread, atEnd: atEnd, arena: arena) {
        case .incomplete: return
        case .blank(let consumed):
          window.consume(consumed)
          line += 1
        case .record(let length, let consumed, let lines, let fault):
          let fields = (0..<scanner.count).map { index in
            let field = scanner.fields[index]
            return field.isNull ? nil : String(decoding: field.bytes, as: UTF8.self)
          }
          let raw = String(
            decoding: UnsafeRawBufferPointer(rebasing: unread[0..<length]), as: UTF8.self)
          rows.append(
            ScannedRow(
              fields: fault == nil ? fields : [], line: line, raw: raw, bad: fault != nil))
          window.consume(consumed)
          line += lines
        }
      }
    }
    while try window.fill(from: source) { drain(false) }
    drain(true)
    return rows
  }

  @Test(
    arguments: [
      ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
      ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
      ("a,b\r1,2", [["a", "b"], ["1", "2"]]),
      ("a,,\n", [["a", nil, nil]]),
      ("\"\",x", [["", "x"]]),
      ("\"a,b\",\"c\"\"d\",\"e\nf\"", [["a,b", "c\"d", "e\nf"]]),
      ("\n\n1,2\n\n", [["1", "2"]]),
      ("5\" pipe,x\n", [["5\" pipe", "x"]]),
      ("ü,é\n", [["ü", "é"]]),
      (",\n", [[nil, nil]]),
      ("\"\"\"\"", [["\""]]),
      ("", []),
    ] as [(String, [[String?]])])
  func fields(_ text: String, _ expected: [[String?]]) throws {
    for piece in [1, 2, 3, 1000] {
      #expect(try Self.scan(text, piece: piece).map(\.fields) == expected)
    }
  }

  @Test func lineNumbersCountLineEndsInsideQuotes() throws {
    let rows = try Self.scan("h\n\"a\nb\r\nc\"\nd\n\n\ne")
    #expect(rows.map(\.line) == [1, 2, 5, 8])
    #expect(rows[1].raw == "\"a\nb\r\nc\"")
  }

  @Test func wrongQuotesSpoilTheirOwnRowOnly() throws {
    let rows = try Self.scan("a,b\n\"x\"y,1\nc,d\n")
    #expect(rows.map(\.bad) == [false, true, false])
    #expect(rows[1].raw == "\"x\"y,1")
    #expect(rows[2].line == 3)
  }

  @Test func randomTablesComeBackWhateverThePiecesAre() throws {
    var random = SplitMix64(seed: 20_240_310)
    let alphabet: [Character] = ["a", "b", "\"", ",", "\n", "\r", "é", " ", ";", "0"]
    for _ in 0..<300 {
      let width = Int.random(in: 2...5, using: &random)
      let table = (0..<Int.random(in: 1...8, using: &random)).map { _ in
        (0..<width).map { _ -> String? in
          guard Int.random(in: 0..<6, using: &random) > 0 else { return nil }
          return String(
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
              alphabet.randomElement(using: &random) ?? "a"
            })
        }
      }
      let end = ["\n", "\r\n"].randomElement(using: &random) ?? "\n"
      // The naive writer quotes every field that is not null.
      let text = table.map { row in
        row.map { $0.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" } ?? "" }
          .joined(separator: ",")
      }.joined(separator: end)
      let piece = Int.random(in: 1...20, using: &random)
      #expect(try Self.scan(text, piece: piece).map(\.fields) == table, "\(text.debugDescription)")
    }
  }
}
