import Foundation
import Testing

@Suite("strata cron, through the binary")
struct CronCommandTests {
  struct Firing: Decodable, Equatable {
    let at: String
    let utc: String
    let intervalStart: String?
    let intervalEnd: String?
  }

  static let binary = Binary(home: FileManager.default.temporaryDirectory)

  @Test("next: the firings across a clock change, with offsets and data, as JSON")
  func next() async throws {
    let outcome = try await Self.binary(
      "cron", "next", "30 2 * * *", "--zone", "America/New_York", "--from", "2024-03-09T12:00",
      "--count", "2", "--json")
    #expect(outcome.code == 0)
    #expect(
      try outcome.json([Firing].self) == [
        Firing(
          at: "2024-03-10T03:00:00-04:00", utc: "2024-03-10T07:00:00Z",
          intervalStart: "2024-03-09T00:00:00-05:00", intervalEnd: "2024-03-10T00:00:00-05:00"),
        Firing(
          at: "2024-03-11T02:30:00-04:00", utc: "2024-03-11T06:30:00Z",
          intervalStart: "2024-03-10T00:00:00-05:00", intervalEnd: "2024-03-11T00:00:00-04:00"),
      ])
  }

  @Test("previous: the latest first, as a table")
  func previous() async throws {
    let outcome = try await Self.binary(
      "cron", "previous", "30 * * * *", "--zone", "America/New_York", "--from",
      "2024-11-03T07:00:00Z", "--count", "3")
    #expect(outcome.code == 0)
    let firings = outcome.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
    #expect(
      firings == [
        "fires", "2024-11-03T01:30:00-05:00", "2024-11-03T01:30:00-04:00",
        "2024-11-03T00:30:00-04:00",
      ])
  }

  @Test("explain: each field, how days combine, the law and the data")
  func explain() async throws {
    let outcome = try await Self.binary(
      "cron", "explain", "*/5 2 L,15W mar-may fri#2", "--from", "2024-01-01", "--count", "1")
    #expect(outcome.code == 0)
    for words in [
      "every 5th minute from 0", "hour 2",
      "the month's last day, the day of Monday to Friday nearest to the 15th, within the month",
      "March to May", "the month's 2nd Friday", "either is enough", "wall clock: nothing for",
      "the time since the firing before", "2024-03-08T02:00:00+00:00",
    ] {
      #expect(outcome.output.contains(words), "'\(words)' in \(outcome.output)")
    }
    let preset = try await Self.binary("cron", "explain", "@weekly", "--from", "2024-01-01")
    #expect(preset.output.contains("Sunday"))
    #expect(preset.output.contains("fixed time: what the clocks skip"))
    #expect(preset.output.contains("whole local days"))
  }

  @Test(
    "what is wrong is told with the column, and exits with 2",
    arguments: [
      (["0 24 * *  8"], "expected an hour from 0 to 23 at column 3"),
      (["0 24 * *  8"], "expected a weekday from 0 to 7 or sun to sat at column 11"),
      (["0 0 30 2 *"], "expected a day that its months have"),
      (["0 0 * * *", "--zone", "Europe/Lisboa"], "did you mean 'Europe/Lisbon'?"),
      (["0 0 * * *", "--from", "yesterday"], "expected a time for --from, found 'yesterday'"),
      (["0 0 * * *", "--count", "0"], "expected --count from 1 to 10000"),
    ])
  func faults(arguments: [String], message: String) async throws {
    let outcome = try await Self.binary.run(["cron", "next"] + arguments)
    #expect(outcome.code == 2)
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }
}
