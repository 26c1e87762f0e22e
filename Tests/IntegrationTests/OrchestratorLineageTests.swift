import Foundation
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// OpenLineage events of runs, read back from where they were told.
@Suite struct OrchestratorLineageTests {
  /// Reads one file and writes a table, or says that it cannot tell.
  struct Mover: RunnableTask, DeclaresDatasets {
    static let kind = "mover"
    var from: String
    var isTold = true

    func run(in context: TaskContext) async throws -> Int {
      try await Probes.shared.body(from)?(context) ?? 1
    }

    func datasets(projectDirectory: String) throws -> TaskDatasets {
      guard isTold else { throw ProbeFailure() }
      return TaskDatasets(inputs: [.file(from)], outputs: [.table("facts.events")])
    }
  }

  private func coordinator(
    _ pool: ConnectionPool, to target: LineageTarget, webhooks: WebhookClient = .beside
  ) throws -> RunCoordinator {
    RunCoordinator(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Mover.self]),
      projectDirectory: "/nowhere", zone: .utc, webhooks: webhooks,
      lineage: LineageOptions(
        target: target, namespace: "shop", databaseNamespace: "postgres://db:5432",
        database: "shop"))
  }

  private func withFile<Result>(
    _ body: (String) async throws -> Result
  ) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "strata-lineage-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.appendingPathComponent("events.ndjson").path)
  }

  private func events(_ path: String) throws -> [JSONValue] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try JSONValue(parsing: String($0))
    }
  }

  private func words(_ events: [JSONValue]) -> [String] {
    events.map { "\($0["job"]?["name"]?.text ?? "?") \($0["eventType"]?.text ?? "?")" }
  }

  @Test func aRunIsToldFromItsStartToItsEnd() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("told", summary: "Moves things.") { dag in
          let a = dag.task("a", Mover(from: "/in/a.csv"))
          let b = dag.task("b", Successor(input: a))
          dag.task("c", Mover(from: "/in/c.csv", isTold: false), after: [b])
        }
        let outcome = try await coordinator(pool, to: .file(path))
          .run(dag, interval: probeInterval, options: RunOptions(parallelism: 1))
        #expect(outcome.succeeded)
        let events = try events(path)
        #expect(
          words(events) == [
            "told START", "told.a START", "told.a COMPLETE", "told.b START", "told.b COMPLETE",
            "told.c START", "told.c COMPLETE", "told COMPLETE",
          ])
        let runs = events.map { $0["run"]?["runId"]?.text ?? "" }
        #expect(runs[0] == runs[7] && runs[1] == runs[2] && Set(runs).count == 4)
        #expect(runs.allSatisfy { UUID(uuidString: $0) != nil })
        for event in events[1...6] {
          let parent = event["run"]?["facets"]?["parent"]
          #expect(parent?["run"]?["runId"]?.text == runs[0])
          #expect(parent?["job"]?["name"]?.text == "told")
        }
        let nominal = events[0]["run"]?["facets"]?["nominalTime"]
        #expect(nominal?["nominalStartTime"]?.text == "\(probeInterval.start)")
        #expect(
          events[1]["inputs"]
            == .array([.object(["namespace": .string("file"), "name": .string("/in/a.csv")])]))
        #expect(
          events[1]["outputs"]
            == .array([
              .object([
                "namespace": .string("postgres://db:5432"),
                "name": .string("shop.facts.events"),
              ])
            ]))
        #expect(events[5]["inputs"] == .array([]))
        #expect(
          events[0]["job"]?["facets"]?["documentation"]?["description"]?.text == "Moves things.")
        #expect(try await left(pool) == 0)
      }
    }
  }

  @Test func failuresRetriesAndCancellationsAreTold() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("failing") { dag in
          let a = dag.task(
            "a", Probe(name: "lineage.fails"), retries: .fixed(1, every: .milliseconds(1)))
          dag.task("b", Successor(input: a))
        }
        Probes.shared.set("lineage.fails") { context in
          if context.attempt.attempt < 3 {
            throw ProbeFailure(message: "no \(context.attempt.attempt)")
          }
          return 1
        }
        let coordinator = try coordinator(pool, to: .file(path))
        #expect(!(try await coordinator.run(dag, interval: probeInterval).succeeded))
        let first = try events(path)
        #expect(
          words(first) == [
            "failing START", "failing.a START", "failing.a FAIL", "failing.a START",
            "failing.a FAIL", "failing FAIL",
          ])
        let messages = first.map {
          $0["run"]?["facets"]?["errorMessage"]?["message"]?.text ?? "-"
        }
        #expect(
          messages == ["-", "-", "no 1", "-", "no 2", "task 'a' failed: no 2"])
        // Taken up again: another run to those who read the events.
        #expect(try await coordinator.run(dag, interval: probeInterval).succeeded)
        let second = try events(path).dropFirst(first.count)
        #expect(
          words(Array(second)) == [
            "failing START", "failing.a START", "failing.a COMPLETE", "failing.b START",
            "failing.b COMPLETE", "failing COMPLETE",
          ])
        #expect(
          first.first?["run"]?["runId"]?.text != second.first?["run"]?["runId"]?.text)
      }
    }
  }

  /// What cannot be told is kept, the run does not fail for it, and the next process tells it once.
  @Test func whatCannotBeToldIsKeptForTheNextProcess() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("kept") { $0.task("a", Probe(name: "lineage.kept")) }
        let lost = try coordinator(pool, to: .file("/nowhere/\(UUID().uuidString)/x"))
        #expect(try await lost.run(dag, interval: probeInterval).succeeded)
        #expect(try await left(pool) == 4)
        let other = DAG("other") { $0.task("a", Probe(name: "lineage.kept")) }
        #expect(
          try await coordinator(pool, to: .file(path)).run(other, interval: probeInterval).succeeded
        )
        #expect(
          words(try events(path)) == [
            "kept START", "kept.a START", "kept.a COMPLETE", "kept COMPLETE", "other START",
            "other.a START", "other.a COMPLETE", "other COMPLETE",
          ])
        #expect(try await left(pool) == 0)
      }
    }
  }

  @Test func whatWasToldBeforeADeathIsToldAgainAndNotLost() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("again") { $0.task("a", Probe(name: "lineage.again")) }
        let coordinator = try coordinator(pool, to: .file("/nowhere/\(UUID().uuidString)/x"))
        #expect(try await coordinator.run(dag, interval: probeInterval).succeeded)
        var runtime = coordinator.runtime
        let options = LineageOptions(
          target: .file(path), namespace: "shop", databaseNamespace: "d", database: "shop")
        runtime.lineage = options
        // The transaction that told them is rolled back, as by a death before its commit.
        let emitter = LineageEmitter(runtime: runtime, options: options)
        try await pool.execute(
          """
          CREATE FUNCTION pg_temp_fail() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'dead'; END $$
          """)
        try await pool.execute(
          """
          CREATE TRIGGER dead BEFORE DELETE ON runs.lineage
          FOR EACH ROW EXECUTE FUNCTION pg_temp_fail()
          """)
        #expect(!(await emitter.tell()))
        try await pool.execute("DROP TRIGGER dead ON runs.lineage")
        #expect(await emitter.tell())
        #expect(await emitter.tell())
        let once = ["again START", "again.a START", "again.a COMPLETE", "again COMPLETE"]
        #expect(words(try events(path)) == once + once)
        #expect(Set(try events(path)).count == 4)
      }
    }
  }

  /// A process that ends between the telling and the deletion of what was told.
  @Test func whatIsBeingToldAtTheEndIsToldOnce() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("ending") { $0.task("a", Probe(name: "lineage.ending")) }
        let coordinator = try coordinator(pool, to: .file("/nowhere/\(UUID().uuidString)/x"))
        #expect(try await coordinator.run(dag, interval: probeInterval).succeeded)
        let emitter = LineageEmitter(
          runtime: coordinator.runtime,
          options: LineageOptions(
            target: .file(path), namespace: "shop", databaseNamespace: "d", database: "shop"))
        let telling = try await pool.transaction { holder in
          try await holder.execute("SELECT FROM runs.lineage FOR UPDATE")
          let telling = Task { await emitter.run() }
          // It has told, and waits for the rows that it deletes.
          try await waitForBackend(in: "transactionid", on: pool)
          telling.cancel()
          return telling
        }
        await telling.value
        #expect(
          words(try events(path)) == [
            "ending START", "ending.a START", "ending.a COMPLETE", "ending COMPLETE",
          ])
        #expect(try await left(pool) == 0)
      }
    }
  }

  /// Posted one by one, in order; an address that fails gets all that is left another time.
  @Test func eventsArePostedInOrder() async throws {
    try await withFreshDatabase { pool in
      try await withFile { path in
        let dag = DAG("posted") { $0.task("a", Probe(name: "lineage.posted")) }
        // In the place of the program that posts: keeps what it is given, but refuses the third
        // request and later ones as long as there is no file beside.
        let script =
          "cat >> \"$0\"; echo >> \"$0\"; [ $(wc -l < \"$0\") -lt 3 ] || [ -e \"$0.open\" ]"
        let client = WebhookClient(command: ["/bin/sh", "-c", script, path])
        let coordinator = try coordinator(pool, to: .url("http://lineage/api"), webhooks: client)
        #expect(try await coordinator.run(dag, interval: probeInterval).succeeded)
        #expect(try #require(await left(pool)) >= 2)
        try Data().write(to: URL(fileURLWithPath: path + ".open"))
        let emitter = LineageEmitter(
          runtime: coordinator.runtime,
          options: try #require(coordinator.runtime.lineage))
        #expect(await emitter.tell())
        #expect(try await left(pool) == 0)
        let requests = try events(path)
        #expect(requests.allSatisfy { $0["url"]?.text == "http://lineage/api" })
        let told = ["posted START", "posted.a START", "posted.a COMPLETE", "posted COMPLETE"]
        let bodies = try requests.map { try JSONValue(parsing: $0["body"]?.text ?? "") }
        // At least once: those that were in hand at the refusal come again.
        var seen: Set<JSONValue> = []
        #expect(words(bodies.filter { seen.insert($0).inserted }) == told)
        #expect(bodies.count > 4)
      }
    }
  }

  @Test(arguments: [
    ("file:///var/log/lineage.ndjson", LineageTarget.file("/var/log/lineage.ndjson")),
    ("file:///a%20b", .file("/a b")),
    ("http://marquez:5000/api/v1/lineage", .url("http://marquez:5000/api/v1/lineage")),
    ("HTTPS://x/y", .url("HTTPS://x/y")),
  ])
  func targetsAreRead(text: String, target: LineageTarget) throws {
    #expect(try LineageTarget(text) == target)
  }

  @Test(arguments: [
    "", "events.ndjson", "file://", "file:///", "file://host/x", "ftp://h/x", "https://",
  ])
  func badTargetsAreErrors(text: String) {
    let error = #expect(throws: OrchestratorError.self) { try LineageTarget(text) }
    #expect(error?.code == "orchestrator.bad_lineage_target")
  }

  private func left(_ pool: ConnectionPool) async throws -> Int64? {
    try await pool.withConnection {
      try await $0.first("SELECT count(*) AS n FROM runs.lineage")?.get("n", as: Int64.self)
    }
  }
}

extension JSONValue {
  /// The string that it is; nil for anything else.
  fileprivate var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }
}
