import Foundation
import Subprocess
import Testing
import Warehouse

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

@Suite("Test runs, upkeep and signals, through the binary")
struct TestCommandTests {
  private struct TestReport: Decodable {
    struct Task: Decodable {
      let task: String
      let state: String
      let attempts: Int
      let errorCode: String?
    }
    let state: String
    let tasks: [Task]
  }

  private struct Version: Decodable {
    let hash: String
    let isCurrent: Bool
    let runs: Int
  }

  private func withoutDatabase(_ arguments: String...) async throws -> Binary.Outcome {
    let home = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-e2e-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: home) }
    // A database that nobody reaches: whoever asks for it is found out.
    var binary = Binary(home: home)
    binary.environment = ["STRATA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"]
    let outcome = try await binary.run(arguments + ["--project", "dags/retail"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: home.path).isEmpty,
      "a test run has left something behind")
    return outcome
  }

  @Test("dags test runs without a database, and says how each task ended")
  func dagsTest() async throws {
    let outcome = try await withoutDatabase(
      "dags", "test", "nightly_segments", "--date", "2025-02-03", "--json", "--mock",
      #"extract={"loads": []}"#, "--skip", "train_churn", "--fail", "publish:2")
    #expect(outcome.code == 1, "\(outcome.error)")
    let report = try outcome.json(TestReport.self)
    #expect(report.state == "failed")
    #expect(
      report.tasks.map { "\($0.task) \($0.state)" } == [
        "extract success", "features failed", "train_churn upstream_failed",
        "score_churn upstream_failed", "rules upstream_failed", "publish upstream_failed",
        "report failed",
      ])
    #expect(report.tasks[1].errorCode == "warehouse.no_database")

    let tree = try await withoutDatabase(
      "dags", "test", "nightly_segments", "--fail", "extract", "--quiet")
    #expect(tree.output.contains("✗ extract"))
    #expect(tree.output.contains("attempt 3 fails by the test"))
    #expect(tree.output.contains("of virtual time"))

    let wrong = try await withoutDatabase(
      "dags", "test", "nightly_segments", "--skip", "extrac", "--mock", "features=5")
    #expect(wrong.code == 2)
    #expect(wrong.error.contains("did you mean 'extract'?"))
    #expect(wrong.error.contains("the product given for 'features' does not decode"))
  }

  @Test("tasks test runs one attempt; what is missing or unknown is usage")
  func tasksTest() async throws {
    let attempt = try await withoutDatabase("tasks", "test", "nightly_segments", "extract")
    #expect(attempt.code == 1)
    #expect(attempt.output.contains("run it with --with-database"))
    let missing = try await withoutDatabase("tasks", "test", "nightly_segments", "publish")
    #expect(missing.code == 2)
    #expect(missing.error.contains("found none of rules"))
    let unknown = try await withoutDatabase("tasks", "test", "nightly_segments", "publsh")
    #expect(unknown.code == 2 && unknown.error.contains("did you mean 'publish'?"))
  }

  @Test("a test run takes products from a recorded run, and publishes nothing")
  func fromRun() async throws {
    try await Shop.open { shop in
      #expect(try await shop.night().code == 0)
      let publications: SQL = "SELECT count(*) FROM segments.publication"
      let before = try await shop.count(publications)
      let run = try await shop.count("SELECT run_id FROM runs.run")
      let rules = try await shop(
        "tasks", "test", "nightly_segments", "rules", "--from-run", "\(run)", "--with-database")
      #expect(rules.code == 0, "\(rules.error)")
      #expect(rules.output.contains(#""segments":28"#))
      let publish = try await shop(
        "tasks", "test", "nightly_segments", "publish", "--from-run", "\(run)", "--with-database")
      #expect(publish.code == 1)
      #expect(publish.output.contains("which a test run never does"), "\(publish.output)")
      #expect(try await shop.count(publications) == before)
      #expect(try await shop.count("SELECT count(*) FROM runs.run") == 1)

      let versions = try await shop("dags", "versions", "nightly_segments", "--json")
      let found = try versions.json([Version].self)
      #expect(found.map(\.isCurrent) == [true] && found.map(\.runs) == [1])
      #expect(
        try await shop.count(
          "SELECT count(*) FROM runs.run WHERE snapshot_hash = \(found.first?.hash ?? "")") == 1)
    }
  }

  @Test("SIGTERM stops the query that a run waits for, before the run says cancelled")
  func terminate() async throws {
    try await Shop.open { shop in
      try await shop.pool.withConnection { holder in
        let outcome = try await holder.transaction { holder in
          // What the first task writes to is locked, so its statement waits for ever.
          try await holder.execute("LOCK TABLE landing.load IN ACCESS EXCLUSIVE MODE")
          return try await terminated(shop)
        }
        #expect(outcome.code == 1, "\(outcome.error)")
        #expect(outcome.error.contains("stopping: cancelling what runs"))
      }
      let state = try await shop.pool.first("SELECT state FROM runs.run")
      #expect(try state?.get("state", as: String.self) == "cancelled")
    }
  }

  /// Runs the night until one of its statements waits for a lock, and ends it by SIGTERM; when the
  /// run counts as cancelled, none of its sessions runs a statement any more.
  private func terminated(_ shop: Shop) async throws -> Binary.Outcome {
    var variables: [Environment.Key: String] = ["STRATA_HOME": shop.strata.home.path]
    for name in ["PATH", "HOME"] {
      if let key = Environment.Key(rawValue: name) {
        variables[key] = ProcessInfo.processInfo.environment[name]
      }
    }
    let result = try await Subprocess.run(
      .path(FilePath(Binary.path)),
      arguments: [
        "run", "nightly_segments", "--date", Shop.lastDay, "--project", shop.project,
        "--database", shop.database,
      ], environment: .custom(variables), workingDirectory: FilePath(Binary.root.path),
      input: .none, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20)
    ) { child in
      let waiting: SQL = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'strata w%'
          AND wait_event_type = 'Lock'
        """
      while try await shop.count(waiting) == 0 {
        try await shop.pool.execute("SELECT pg_sleep(0.01)")
      }
      try child.send(signal: .terminate)
      while try await shop.count("SELECT count(*) FROM runs.run WHERE state = 'cancelled'") == 0 {
        try await shop.pool.execute("SELECT pg_sleep(0.005)")
      }
      #expect(try await shop.count(waiting) == 0)
    }
    return Binary.Outcome(
      status: result.terminationStatus, output: result.standardOutput,
      error: result.standardError)
  }

  @Test("retention says what would go, and does it")
  func prune() async throws {
    try await Shop.open(generate: false) { shop in
      _ = try await shop.count("SELECT count(*) FROM runs.ensure_partitions('2020-01-15')")
      let planned = try await shop("db", "prune", "--dry-run")
      #expect(planned.code == 0, "\(planned.error)")
      #expect(planned.output.contains("log_2020_01") && planned.output.contains("would drop"))
      let left: SQL = "SELECT count(*) FROM pg_class WHERE relname ~ '_2020_0[12]$'"
      #expect(try await shop.count(left) == 6)
      let done = try await shop("db", "prune", "--json")
      #expect(done.output.contains(#""outcome" : "dropped""#), "\(done.output) \(done.error)")
      #expect(try await shop.count(left) == 0)
      #expect(try await shop("db", "migrate", "--check").code == 0)
      let plan = try await shop("db", "migrate", "--plan", "--json")
      #expect(plan.code == 0 && plan.output == "[\n\n]\n", "\(plan.output)")
    }
  }

  @Test("pending migrations are listed, and --check leaves with 5")
  func pending() async throws {
    try await Shop.open(generate: false) { shop in
      try await shop.pool.execute("DELETE FROM strata.migration WHERE version >= 9")
      let check = try await shop("db", "migrate", "--check")
      #expect(check.code == 5)
      #expect(check.output.contains("pending 0009_queue_tasks.sql"))
      let plan = try await shop("db", "migrate", "--plan")
      #expect(plan.code == 0)
      #expect(plan.output.contains("Tasks as a queue that any worker of any host claims from"))
    }
  }
}
