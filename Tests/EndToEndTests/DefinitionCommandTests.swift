import Foundation
import Testing

/// `strata dags …`: reads definitions only, so that it needs, and leaves, no database.
@Suite("Commands that show definitions")
struct DefinitionCommandTests {
  private func strata(_ arguments: String...) async throws -> (Binary.Outcome, madeFiles: Bool) {
    let home = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-dags-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: home) }
    let project = Binary.root.appendingPathComponent("dags/retail").path
    let outcome = try await Binary(home: home).run(arguments + ["--project", project])
    return (outcome, FileManager.default.fileExists(atPath: home.path))
  }

  @Test(
    "a graph in each format has every task, and a run's edges",
    arguments: [
      ("dot", "\"features\" -> \"train_churn\";", "digraph \"nightly_segments\" {"),
      ("mermaid", "n1 --> n2", "flowchart LR"), ("svg", "<title>train_churn", "<svg class=\"dag\""),
    ])
  func graph(_ format: String, _ part: String, _ start: String) async throws {
    let (outcome, madeFiles) = try await strata(
      "dags", "graph", "nightly_segments", "--format", format)
    #expect(outcome.code == 0, "\(outcome.error)")
    #expect(outcome.output.contains(part) && outcome.output.contains(start))
    for task in ["extract", "features", "train_churn", "score_churn", "rules", "publish", "report"]
    {
      #expect(outcome.output.contains(task))
    }
    #expect(!madeFiles)
  }

  @Test("show, list and validate tell of the nightly DAG")
  func show() async throws {
    let (shown, _) = try await strata("dags", "show", "nightly_segments")
    #expect(shown.code == 0, "\(shown.error)")
    #expect(
      shown.output.hasPrefix(
        """
        nightly_segments: 0 2 * * * Europe/Lisbon, catch-up latest
          at once: 16 runs, 16 of a run's tasks

        task
        """))
    struct Listed: Decodable { let name: String }
    let (list, _) = try await strata("dags", "list", "--json")
    #expect(try list.json([Listed].self).map(\.name) == ["nightly_segments", "segment_refresh"])
    let (valid, madeFiles) = try await strata("dags", "validate", "--json")
    #expect(valid.code == 0)
    #expect(try valid.json([Listed].self).isEmpty)
    #expect(!madeFiles)
  }

  @Test("params that a DAG does not have are told of together, before a database is made")
  func wrongParams() async throws {
    let (outcome, madeFiles) = try await strata(
      "run", "nightly_segments", "--param", "days=3", "--param", "mode=fast")
    #expect(outcome.code == 2)
    #expect(outcome.error.contains("found 'days'") && outcome.error.contains("found 'mode'"))
    #expect(!madeFiles)
    let (twice, _) = try await strata(
      "run", "nightly_segments", "--param", "a=3", "--param", "a=4")
    #expect(twice.code == 2)
    #expect(twice.error.contains("expected --param a once"))
  }
}
