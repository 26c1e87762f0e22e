import Foundation
import Testing

/// What has one place in the house, so that a mend of it is one.
@Suite("One piece of each")
struct OnePieceTests {
  @Test(
    "each of these words stands in one file of the orchestrator",
    arguments: [
      (".notifications(on:", "RunChannel.swift"), ("backOff = ", "LoopConnector.swift"),
      ("\"strata_runs\"", "RunChannel.swift"),
    ])
  func onePlace(words: String, file: String) throws {
    let folder = ImportTests.root.appendingPathComponent("Sources/Orchestrator")
    let found = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter {
      guard $0.hasSuffix(".swift"), !$0.hasPrefix("Metrics/") else { return false }
      return try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
        .contains(words)
    }
    #expect(found == ["Loops/\(file)"])
  }
}
