import Foundation
import Pipeline
import Schedules
import TestSupport
import Testing

@testable import Orchestrator
@testable import Warehouse

/// Daemons whose database goes away: on a cluster of their own. Without the mend a drain waits for
/// four minutes, which is longer than these tests may take.
@Suite(.timeLimit(.minutes(15))) struct OrchestratorOutageTests {
  /// A migrated database on a cluster that the test may stop.
  private func withCluster(
    _ body: (EmbeddedCluster, ConnectionPool) async throws -> Void
  ) async throws {
    let home = "/tmp/strata-o-\(UInt32.random(in: .min ... .max))"
    let cluster = try EmbeddedCluster(home: home, durability: .none)
    let result: Result<Void, any Error>
    do {
      _ = try await cluster.start()
      _ = try await cluster.createDatabase("outage")
      let pool = ConnectionPool(cluster.options(database: "outage"), limit: 8)
      try await Migrator(pool, migrations: Migration.catalogue()).migrate()
      try await body(cluster, pool)
      await pool.close()
      result = .success(())
    } catch {
      result = .failure(error)
    }
    _ = try? await cluster.stop()
    for folder in [cluster.layout.folder, cluster.layout.run, home] {
      try? FileManager.default.removeItem(atPath: folder)
    }
    try result.get()
  }

  /// With an attempt that does not notice its stop either.
  @Test(arguments: [true, false])
  func aDrainDoesNotWaitForTheDatabase(schedules: Bool) async throws {
    try await withCluster { cluster, pool in
      let (began, go) = (Gate(), Gate())
      let name = "outage \(schedules)"
      Probes.shared.set(name) { _ in
        began.open()
        try await Task.detached { try await go.wait() }.value
        return 1
      }
      let dag = DAG("outage") { $0.task("a", Probe(name: name)) }
      let registry = try TaskRegistry([Probe.self], grace: .milliseconds(100))
      let run = try await RunQueue(pool: pool, registry: registry, zone: .utc).enqueue(
        dag, interval: probeInterval)
      #expect(run != nil)
      let daemon = Daemon(
        pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
        options: DaemonOptions(schedules: schedules, slots: 1, poll: .milliseconds(20)))
      let work = Task { try await daemon.run() }
      try await began.wait()
      #expect(try await cluster.stop())
      daemon.drain()
      let fault = await #expect(throws: WarehouseError.self) { try await work.value }
      // The command line ends with 4 then.
      #expect(fault?.isTransientConnectionFailure == true)
      go.open()
      // What it had is recorded as it was, for others to take over.
      _ = try await cluster.start()
      let state = try await pool.first("SELECT state FROM runs.task")
      #expect(try state?.get("state", as: String.self) == "running")
    }
  }

  @Test func aHurriedLoopStopsTryingAndAPatientOneComesBack() async throws {
    try await withCluster { cluster, pool in
      #expect(try await cluster.stop())
      let (patient, hurried) = (
        LoopConnector(pool, isPatient: true), LoopConnector(pool, isPatient: true)
      )
      let coming = Task { try await patient.connect("strata patient") }
      let leaving = Task { try await hurried.connect("strata hurried") }
      hurried.hurry()
      let fault = await #expect(throws: WarehouseError.self) { try await leaving.value }
      #expect(fault?.isTransientConnectionFailure == true)
      _ = try await cluster.start()
      let connection = try await coming.value
      await connection.close()
      // Told to end with its server there, it may still write.
      let last = try await hurried.connect("strata last")
      await last.close()
    }
  }

  @Test(arguments: [
    RunSignal.queue, .run(7), .stop(1), .schedule, .backfill(3),
  ])
  func whatIsToldIsHeard(signal: RunSignal) {
    #expect(signal.payload.flatMap(RunSignal.init(payload:)) == signal)
  }

  @Test(arguments: ["", "run", "run x", "later", "stop "])
  func whatNobodyTellsIsLeftOut(payload: String) {
    #expect(RunSignal(payload: payload) == nil)
  }
}
