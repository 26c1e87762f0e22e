import Foundation
import Testing
import Warehouse

@Suite("What a run may take, through the binary")
struct MemoryLimitTests {
  @Test(
    "a limit that no number of ranges keeps to stops the run before it builds; a better one goes on"
  )
  func limits() async throws {
    try await Shop.open { shop in
      func night(_ arguments: String..., environment: [String: String] = [:]) async throws
        -> Binary.Outcome
      {
        var binary = shop.strata
        binary.environment = environment
        return try await binary.run(
          ["run", "nightly_segments", "--date", Shop.lastDay, "--json"] + arguments + [
            "--project", shop.project, "--database", shop.database,
          ])
      }
      let unread = try await night("--memory-limit", "plenty")
      #expect(unread.code == 2)
      #expect(unread.error.contains("a size such as 4GiB or 512MiB, found 'plenty'"))
      let threads = try await night("--threads", "0")
      #expect(threads.code == 2)
      #expect(threads.error.contains("--threads of at least 1, found 0"))
      let variable = try await night(environment: ["STRATA_MEMORY_LIMIT": "much"])
      #expect(variable.code == 2)
      #expect(variable.error.contains("in STRATA_MEMORY_LIMIT, found 'much'"))

      for environment in [[:], ["STRATA_MEMORY_LIMIT": "64MiB"]] {
        let options = environment.isEmpty ? ["--memory-limit", "64MiB"] : ["--threads", "1"]
        let small = try await night(options[0], options[1], environment: environment)
        #expect(small.code == 1, "\(small.error)")
        let failure = try small.json(ReportFacts.self).failures.first { $0.task == "features" }
        #expect(failure?.message.contains("found 64 MiB") == true, "\(String(describing: failure))")
      }
      #expect(try await shop.count("SELECT count(*) FROM features.state") == 0)

      let enough = try await night("--memory-limit", "1GiB", "--threads", "3")
      #expect(enough.code == 0, "\(enough.error)")
      #expect(
        try await shop.count(
          "SELECT count(*) FROM features.state WHERE range_number = 0 AND range_count = 1") == 1)
    }
  }
}
