import Foundation
import Testing

@testable import Orchestrator

#if os(Linux)
  @Suite struct ResidentMemoryTests {
    @Test func programTextThatIsNotRunningIsGivenBack() throws {
      let before = try residentFileKibibytes()
      ResidentMemory.giveBack()
      let after = try residentFileKibibytes()
      #expect(after < before)
      // It comes back when it runs: formatting a date needs text of several libraries.
      #expect(Date(timeIntervalSince1970: 0).formatted(.iso8601) == "1970-01-01T00:00:00Z")
    }

    private func residentFileKibibytes() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
      return try #require(
        line.split(whereSeparator: \.isWhitespace).dropLast().last.flatMap { Int($0) })
    }
  }
#endif
