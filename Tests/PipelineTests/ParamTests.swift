import TestSupport
import Testing

@testable import Pipeline

@Suite("Params of a run")
struct ParamTests {
  private func snapshot(_ params: [Param]) throws -> DAGSnapshot {
    try DAG("d", params: params) { dag in dag.task("t", Nothing()) }.snapshot()
  }

  private func problems(_ body: () throws -> JSONValue) -> [String] {
    do {
      return ["no error: \(try body())"]
    } catch {
      guard let error = error as? PipelineError else { return ["\(error)"] }
      return error.problems.isEmpty ? [error.description] : error.problems.map(\.description)
    }
  }

  @Test("without declared params a run has {}, as ever")
  func none() throws {
    let empty = try snapshot([])
    let old = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    #expect(try empty.params(from: [String: String]()).hash == old)
    #expect(try empty.params(from: .object([:])).hash == old)
  }

  @Test("defaults are filled in; giving the default, in any form, changes no hash")
  func defaults() throws {
    let dag = try snapshot([
      Param("limit", .integer(range: 1...100), default: 10),
      Param("share", .number(), default: 2),
      Param("since", .instant, default: "2024-03-10T03:00:00+02:00"),
      Param("note", .text(maxLength: 5), default: .null),
      Param("days", .list(of: .day), default: ["2024-02-29"]),
    ])
    let usual = try dag.params(from: [String: String]())
    #expect(
      usual.canonicalText
        == #"{"days":["2024-02-29"],"limit":10,"note":null,"share":2,"since":"2024-03-10T01:00:00Z"}"#
    )
    for given in [
      ["limit": "10"], ["limit": "+010"], ["share": "2.0"], ["share": "2e0"],
      ["since": "2024-03-10 01:00:00Z"], ["days": "2024-02-29"], ["days": #"["2024-02-29"]"#],
    ] {
      #expect(try dag.params(from: given).hash == usual.hash, "\(given)")
    }
    #expect(try dag.params(from: JSONValue.object(["limit": 10.0, "note": .null])) == usual)
    #expect(try dag.params(from: ["limit": "11"]).hash != usual.hash)
  }

  @Test(
    "texts that are values",
    arguments: [
      (.integer(), "-9223372036854775808", "-9223372036854775808"),
      (.integer(range: -3...(-3)), "-3", "-3"), (.number(), "1e2", "100"),
      (.number(range: 0...1), "0.25", "0.25"), (.text(), "", #""""#),
      (.text(oneOf: ["a", "b"]), "b", #""b""#), (.text(maxLength: 2), "é☃", #""é☃""#),
      (.boolean, "true", "true"), (.boolean, "false", "false"),
      (.day, "2024-02-29", #""2024-02-29""#),
      (.instant, "2024-03-10T03:00:00.5-04:00", #""2024-03-10T07:00:00.500000Z""#),
      (.list(of: .integer()), "", "[]"), (.list(of: .integer()), "1, 2,3", "[1,2,3]"),
      (.list(of: .text()), "a,,b c ", #"["a","","b c"]"#),
      (.list(of: .text()), #"["a,b"]"#, #"["a,b"]"#),
      (.list(of: .list(of: .boolean)), "[[true],[]]", "[[true],[]]"),
    ] as [(ParamType, String, String)])
  func goodTexts(_ type: ParamType, _ text: String, _ expected: String) throws {
    let dag = try snapshot([Param("p", type)])
    let given = try dag.params(from: ["p": text])
    #expect(given["p"]?.canonicalText == expected)
    // What was read is read again from its JSON, and stays what it is.
    #expect(try dag.params(from: JSONValue(parsing: given.canonicalText)) == given)
  }

  @Test(
    "texts that are no values",
    arguments: [
      (.integer(), "5.0", "expected an integer, found '5.0'"),
      (.integer(), "9223372036854775808", "expected an integer, found '9223372036854775808'"),
      (.integer(range: 1...9), "10", "expected an integer from 1 to 9, found '10'"),
      (.number(), "nan", "expected a number, found 'nan'"),
      (.number(), "0x1p3", "expected a number, found '0x1p3'"),
      (.number(), "1e999", "expected a number, found '1e999'"),
      (.number(), "true", "expected a number, found 'true'"),
      (.number(range: 0...0.5), "0.6", "expected a number from 0 to 0.5, found '0.6'"),
      (.text(oneOf: ["a", "b"]), "c", "expected one of a, b, found 'c'"),
      (.text(maxLength: 2), "abc", "expected text of at most 2 characters, found 'abc'"),
      (.boolean, "yes", "expected true or false, found 'yes'"),
      (.day, "2023-02-29", "expected a date such as 2024-03-10, found '2023-02-29'"),
      (
        .instant, "2024-03-10 03:00",
        "expected an instant such as 2024-03-10T03:00:00Z, found '2024-03-10 03:00'"
      ),
      (
        .list(of: .day), "2024-01-01,x",
        "expected a list, each item a date such as 2024-03-10, found '2024-01-01,x'"
      ),
      (.list(of: .integer()), "[1,", "expected a list, each item an integer, found '[1,'"),
    ] as [(ParamType, String, String)])
  func badTexts(_ type: ParamType, _ text: String, _ message: String) throws {
    let dag = try snapshot([Param("p", type)])
    #expect(problems { try dag.params(from: ["p": text]) } == ["d: param 'p': \(message)"])
  }

  @Test("JSON of another type is no value")
  func badJSON() throws {
    let types: [(ParamType, [JSONValue])] = [
      (.integer(), ["5", 5.5, true, .null, []]), (.number(), ["5", false]), (.text(), [5, .null]),
      (.boolean, [1, "true"]), (.day, [20_000]), (.instant, [0]),
      (.list(of: .integer()), [1, ["1"]]),
      (.text(), ["a\u{0}b"]),
    ]
    for (type, values) in types {
      let dag = try snapshot([Param("p", type)])
      for value in values {
        let found = problems { try dag.params(from: .object(["p": value])) }
        #expect(found.count == 1 && found[0].hasPrefix("d: param 'p': expected"), "\(found)")
      }
    }
    #expect(problems { try snapshot([]).params(from: JSONValue.array([])) }.count == 1)
  }

  @Test("all problems at once, unknown names with a suggestion")
  func allAtOnce() throws {
    let dag = try snapshot([
      Param("limit", .integer(range: 1...100)), Param("day", .day, summary: "The day to mend."),
      Param("mode", .text(oneOf: ["fast"]), default: "fast"),
    ])
    #expect(
      problems { try dag.params(from: ["limt": "5", "mode": "slow", "zzzzzz": "1"]) } == [
        "d: expected param 'limit', an integer from 1 to 100, found none",
        "d: expected param 'day', a date such as 2024-03-10, found none; The day to mend.",
        "d: param 'mode': expected one of fast, found 'slow'",
        "d: expected a param of this DAG, found 'limt'; did you mean 'limit'?",
        "d: expected a param of this DAG, found 'zzzzzz'; params: limit, day, mode",
      ])
    #expect(
      problems { try snapshot([]).params(from: ["a": "1"]) }
        == ["d: expected a param of this DAG, found 'a'; it declares none"])
  }

  @Test("a hostile value is cut short in the message")
  func hostile() throws {
    let dag = try snapshot([Param("p", .integer())])
    let found = problems { try dag.params(from: ["p": String(repeating: "9", count: 100_000)]) }
    #expect(found.count == 1 && (found.first?.utf8.count ?? .max) < 200)
  }
}
