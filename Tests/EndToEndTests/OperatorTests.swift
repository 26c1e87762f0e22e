import Foundation
import Testing

/// What operators do, through the binary, with the exit codes that scripts rely on.
@Suite("Operators' commands, through the binary")
struct OperatorTests {
  /// What JSON says of a run that was changed.
  struct Change: Decodable, Equatable {
    struct Task: Decodable, Equatable {
      let task: String
      let before: String
      let after: String
    }

    let before: String
    let after: String
    let tasks: [Task]
  }

  struct Step: Decodable {
    let action: String
    let runId: Int64?
  }

  @Test("a backfill without its files fails, and its runs are marked, rerun and told of")
  func failingBackfill() async throws {
    try await Shop.open(generate: false) { shop in
      let span = ["--from", "2025-01-01", "--to", "2025-01-02"]
      let plan = try await shop(
        "backfill", "nightly_segments", span[0], span[1], span[2], span[3], "--dry-run", "--json")
      #expect(plan.code == 0)
      #expect(try plan.json([Step].self).map(\.action) == ["run", "run"])
      let none = try await shop("backfill", "list", "--json")
      #expect(none.output == "[]\n" || none.output == "[\n\n]\n", "a dry run wrote: \(none.output)")

      let failed = try await shop(
        "backfill", "nightly_segments", span[0], span[1], span[2], span[3])
      #expect(failed.code == 1, "\(failed.error)")
      #expect(failed.output.contains("finished, 2 intervals: 2 failed"))
      let again = try await shop(
        "backfill", "nightly_segments", span[0], span[1], span[2], span[3], "--dry-run", "--json",
        "--reprocess", "failed")
      #expect(try again.json([Step].self).map(\.action) == ["rerun", "rerun"])
      let shown = try await shop("backfill", "show", "1")
      #expect(shown.code == 0 && shown.output.contains("task 'extract' failed"))

      let said = try await shop("runs", "rerun", "1", "--from-failure", "--dry-run", "--json")
      let change = try #require(try said.json([Change].self).first)
      #expect(change.before == "failed" && change.after == "running")
      #expect(change.tasks.first == Change.Task(task: "extract", before: "failed", after: "queued"))
      let rerun = try await shop("runs", "rerun", "1", "--from-failure")
      #expect(rerun.code == 1, "the files are still missing")

      // A run that daemons would go on with; there are none, so it can be cancelled at once.
      let cleared = try await shop("runs", "clear", "1", "--task", "extract+", "--message", "later")
      #expect(cleared.code == 0 && cleared.output.contains("failed -> running"))
      let cancelled = try await shop("runs", "cancel", "1", "--wait")
      #expect(cancelled.code == 0 && cancelled.output.contains("running -> cancelled"))
    }
  }

  @Test("what cannot be is refused with exit code 2 and a hint")
  func refusals() async throws {
    try await Shop.open(generate: false) { shop in
      for (arguments, words) in [
        (["runs", "cancel", "99"], "strata runs list"),
        (["runs", "clear"], "--dag"),
        (["runs", "clear", "1", "--dag", "nightly_segments"], "--dag"),
        (["runs", "mark", "1", "--task", "a b", "--as", "success"], "load.*"),
        (
          ["backfill", "nightly_segment", "--from", "2025-01-01", "--to", "2025-01-01"],
          "did you mean"
        ),
        (
          ["backfill", "nightly_segments", "--from", "2025-01-02", "--to", "2025-01-01"],
          "after it starts"
        ),
        (["backfill", "show", "7"], "strata backfill list"),
        (["pools", "set", "crm", "--", "-1"], "0 or more"),
        (["dags", "pause", "nightly_segment"], "did you mean"),
      ] {
        var binary = shop.strata
        binary.environment = [:]
        let outcome = try await binary.run(
          Array(arguments.prefix(2)) + ["--project", shop.project, "--database", shop.database]
            + arguments.dropFirst(2))
        #expect(outcome.code == 2, "\(arguments): \(outcome.output)\(outcome.error)")
        #expect(outcome.error.contains(words), "\(arguments): \(outcome.error)")
      }
    }
  }

  @Test("a pause, what its end would make, and pools")
  func pausesAndPools() async throws {
    try await Shop.open(generate: false) { shop in
      #expect(try await shop("dags", "pause", "nightly_segments").code == 0)
      let shown = try await shop("dags", "unpause", "nightly_segments")
      #expect(shown.code == 0 && shown.output.contains("nothing was changed"))
      let done = try await shop("dags", "unpause", "nightly_segments", "--yes")
      #expect(done.code == 0 && done.output.contains("is scheduled"))
      #expect(try await shop("pools", "set", "crm", "2", "--note", "the API").code == 0)
      let pools = try await shop("pools", "list")
      #expect(pools.output.contains("crm") && pools.output.contains("the API"))
    }
  }
}
