import Foundation
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// Runs that nobody can decide about, since somebody changed their rows by hand: they fail, each by
/// itself, and whoever met them goes on with the others.
@Suite(.timeLimit(.minutes(15))) struct OrchestratorUnusableTests {
  private func interval(_ number: Int32) -> DataInterval {
    DataInterval(day: Day(number: 20_000 + number), in: .utc)
  }

  private func queue(_ pool: ConnectionPool) throws -> RunQueue {
    RunQueue(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
      zone: .utc)
  }

  /// Breaks the definition of a DAG's runs.
  private func breakDefinition(of dag: String, _ pool: ConnectionPool) async throws {
    try await pool.execute(
      "UPDATE runs.dag_snapshot SET definition = '{\"name\": 7}' WHERE dag = \(dag)")
  }

  @Test(arguments: ["a", "b"])
  func aRunWithoutItsRowsFailsAndTheWorkerGoesOn(removed: String) async throws {
    try await withFreshDatabase { pool in
      let (began, go) = (Gate(), Gate())
      Probes.shared.set("removed.\(removed)") { context in
        context.log.info("the last words")
        began.open()
        try await go.wait()
        return 1
      }
      let dag = DAG(
        "removed", callbacks: [Callback(on: [.failure], .command(["true"]))]
      ) { dag in
        let a = dag.task("a", Probe(name: "removed.\(removed)"))
        dag.task("b", Successor(input: a))
      }
      let broken = try #require(try await queue(pool).enqueue(dag, interval: interval(0)))
      let options = DaemonOptions(schedules: false, slots: 1)
      try await withDaemons(1, pool, options: options) { _ in
        try await began.wait()
        try await pool.execute(
          "DELETE FROM runs.task WHERE run_id = \(broken) AND task_id = \(removed)")
        let fine = try #require(try await queue(pool).enqueue(dag, interval: interval(1)))
        go.open()
        let runs = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
        #expect(runs.map(\.runID) == [fine, broken])
        #expect(runs.map(\.state) == [.success, .failed])
      }
      let store = RunStore(pool)
      let run = try #require(try await store.run(broken))
      let message = "expected rows of task '\(removed)' of run \(broken), found none"
      #expect(run.message == "the run cannot go on: \(message)")
      #expect(try await store.tasks(of: broken).map(\.state) == [.cancelled])
      #expect(try await store.attempts(of: broken).map(\.state) == [.cancelled])
      let log = try await store.log(of: broken, task: "a")
      #expect(log.map(\.message) == ["the last words", "the run cannot go on: \(message)"])
      #expect(log.last?.level == "error")
      #expect(log.last?.metadata["code"] == "orchestrator.missing_rows")
      let last = try await store.events(of: broken).last
      #expect(last?.kind == "finished" && last?.detail["state"] == "failed")
      let calls = try await pool.query("SELECT event FROM runs.callback WHERE run_id = \(broken)")
      #expect(try calls.map { try $0.get("event", as: String.self) } == ["failure"])

      // The rows are made anew, and the run goes on.
      Probes.shared.set("removed.\(removed)") { _ in 1 }
      let again = try await coordinator(pool).run(dag, interval: interval(0))
      #expect(again.states == "a success, b success" && again.run.runID == broken)
    }
  }

  @Test func aDefinitionThatDoesNotDecodeFailsItsRunsAlone() async throws {
    try await withFreshDatabase { pool in
      func dag(_ name: String) -> DAG {
        DAG(name) { $0.task("a", Probe(name: "undecodable")) }
      }
      var broken: [Int64] = []
      for number in Int32(0)..<3 {
        broken.append(
          try #require(try await queue(pool).enqueue(dag("bad"), interval: interval(number))))
      }
      let fine = try #require(try await queue(pool).enqueue(dag("good"), interval: interval(0)))
      try await breakDefinition(of: "bad", pool)
      // A scheduler meets them in the queue, in deadlines, and in what others left.
      try await pool.execute(
        "UPDATE runs.run SET deadline_at = now() WHERE run_id = \(broken[0])")
      try await withDaemons(1, pool, options: DaemonOptions(slots: 1)) { _ in
        _ = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
      }
      let store = RunStore(pool)
      #expect(try await store.run(fine)?.state == .success)
      for run in broken {
        let record = try #require(try await store.run(run))
        #expect(record.state == .failed)
        #expect(record.message?.contains("does not decode") == true)
        #expect(try await store.tasks(of: run).map(\.state) == [.cancelled])
        let log = try await store.log(of: run)
        #expect(log.map { $0.metadata["code"] } == ["orchestrator.bad_snapshot"])
      }
    }
  }

  @Test func aQueuedRunThatCannotBeginDoesNotHoldTheOthersUp() async throws {
    try await withFreshDatabase { pool in
      let start = Instant(rfc3339: "2024-03-01T00:00:00Z") ?? Instant(seconds: 0)
      let clock = ManualClock(start + .minutes(150))
      let dag = DAG(
        "hourly.bad", schedule: .cron("0 * * * *", zone: "UTC"), catchUp: .all,
        starts: Day(iso8601: "2024-03-01"), maxActiveRuns: 1
      ) { dag in dag.task("a", Probe(name: "hourly.bad")) }
      let puppet = try await Puppet(pool)
      let old = try await puppet.start(dag, interval: interval(-300))
      try await pool.execute(
        "INSERT INTO runs.dag_snapshot VALUES ('0', 'hourly.bad', '{}', now())")
      try await pool.execute(
        "UPDATE runs.run SET state = 'queued', snapshot_hash = '0' WHERE run_id = \(old)")
      try await pool.execute("DELETE FROM runs.task WHERE run_id = \(old)")
      try await withDaemons(1, pool, dags: [dag], clock: clock) { _ in
        let runs = try await waitForRuns(pool) {
          $0.count == 3 && $0.allSatisfy { $0.state == .success || $0.state == .failed }
        }
        #expect(runs.count { $0.state == .success } == 2)
        #expect(runs.first { $0.runID == old }?.state == .failed)
      }
    }
  }

  @Test func whatLiesWithTheServerFailsNoRun() {
    func error(_ code: String, _ state: String?) -> WarehouseError {
      WarehouseError(code: code, message: "no", sqlState: state)
    }
    for (code, state) in [
      ("warehouse.connection_lost", nil), ("warehouse.unreachable", nil),
      ("warehouse.deadlock", "40P01"), ("warehouse.serialization_failure", "40001"),
      ("warehouse.admin_shutdown", "57P01"), ("warehouse.disk_full", "53100"),
      ("warehouse.permission_denied", "42501"), ("warehouse.query_canceled", "57014"),
      ("warehouse.connection_closed", nil), ("warehouse.read_only", "25006"),
    ] as [(String, String?)] {
      #expect(!RunStep.liesWithRun(error(code, state)), "\(code)")
    }
    #expect(!RunStep.liesWithRun(CancellationError()))
    #expect(RunStep.liesWithRun(error("warehouse.check_violation", "23514")))
    #expect(RunStep.liesWithRun(error("warehouse.data_exception", "22003")))
    #expect(RunStep.liesWithRun(error("warehouse.decode", nil)))
    #expect(RunStep.liesWithRun(OrchestratorError(code: "x", message: "y")))
  }
}
