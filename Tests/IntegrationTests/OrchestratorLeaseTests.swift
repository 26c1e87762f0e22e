import Foundation
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// A worker that stood still for longer than its lease, and goes on: nothing that it does to its old
/// task counts any more.
@Suite(.timeLimit(.minutes(15))) struct OrchestratorLeaseTests {
  /// As the nodes know it: see `Hold` in Tests/Chaos. Nothing of it runs in this process.
  private struct Hold: RunnableTask {
    static let kind = "chaos_hold"
    func run(in context: TaskContext) async throws -> Int64 {
      throw ChaosNode.Fault("expected a node to run it, found the test")
    }
  }

  fileprivate func interval(_ number: Int32) -> DataInterval {
    DataInterval(day: Day(number: 20_000 + number), in: .utc)
  }

  /// The processes are real: one is stopped by SIGSTOP past its lease while another takes over, then
  /// woken by SIGCONT.
  @Test func aStoppedProcessCanNeitherPublishNorEndItsTask() async throws {
    try await withFreshDatabase { pool in
      let name = try #require(try await pool.first("SELECT current_database()::text AS name"))
      let url = try await testCluster().url(database: name.get("name"))
      try ChaosNode.prepare(url)
      let dag = DAG("held") { dag in
        dag.task("hold", Hold(), retries: .fixed(1, every: .zero))
      }
      let queue = RunQueue(pool: pool, registry: try TaskRegistry([Hold.self]), zone: .utc)
      let run = try #require(try await queue.enqueue(dag, interval: interval(0)))
      let sleeper = try ChaosNode("worker", url, slots: 1, lease: .milliseconds(500))
      defer { sleeper.kill() }
      let first = try await waitForRow("SELECT token FROM chaos.start WHERE attempt = 1", on: pool)
      sleeper.signal(SIGSTOP)

      // A scheduler gives the sleeper up once its lease is over, and makes the second attempt. Its
      // own lease lasts: on a busy machine it would give itself up otherwise.
      let other = try ChaosNode("scheduler", url, slots: 1, lease: .seconds(600))
      defer { other.kill() }
      _ = try await waitForRow(
        "SELECT FROM runs.run WHERE run_id = \(run) AND state = 'success'", on: pool)
      let store = RunStore(pool)
      let (tasks, attempts) = (try await store.tasks(of: run), try await store.attempts(of: run))
      #expect(attempts.map(\.state) == [.failed, .success])
      #expect(attempts.first?.errorCode == OrchestratorError.interrupted)
      #expect(tasks.first?.output == .integer(2))
      other.signal(SIGTERM)
      #expect(other.wait() == 0)

      // Now it goes on where it stood: it tries to publish, and to end its task.
      try await pool.execute("INSERT INTO chaos.gate DEFAULT VALUES")
      sleeper.signal(SIGCONT)
      let outcome = try await waitForRow("SELECT token, code FROM chaos.outcome", on: pool)
      #expect(try outcome.get("code", as: String.self) == OrchestratorError.leaseLost)
      #expect(
        try outcome.get("token", as: Int64.self) == (try first.get("token", as: Int64.self)))
      // It begins anew as another worker; by then it has let go of what it came to.
      _ = try await waitForRow(
        """
        SELECT FROM runs.worker WHERE process_id = \(sleeper.process)
        GROUP BY process_id
        HAVING count(*) = 2 AND count(*) FILTER (WHERE state = 'live') = 1
        """, on: pool)
      #expect(try await store.tasks(of: run) == tasks)
      #expect(try await store.attempts(of: run) == attempts)
      let effects = try await pool.query("SELECT value FROM chaos.effect")
      #expect(try effects.map { try $0.get("value", as: Int64.self) } == [2])

      // And it works on: nobody else is left.
      let next = try #require(try await queue.enqueue(dag, interval: interval(1)))
      _ = try await waitForRow(
        "SELECT FROM runs.run WHERE run_id = \(next) AND state = 'success'", on: pool)
      #expect(try await store.attempts(of: next).map(\.state) == [.success])
      sleeper.signal(SIGTERM)
      #expect(sleeper.wait() == 0)
    }
  }

  /// In one process: the worker is given up as a scheduler does it. With a short lease a heartbeat
  /// tells it so; with a long one it finds out when its end is refused.
  @Test(arguments: [Duration.milliseconds(300), .seconds(60)])
  func aLateAttemptIsRefused(lease: Duration) async throws {
    try await withFreshDatabase { pool in
      let (began, go) = (Gate(), Gate())
      let code = RefusalCode()
      let name = "late \(lease)"
      Probes.shared.set(name) { context in
        guard context.attempt.attempt == 1 else {
          try await pool.transaction { try await context.fence($0) }
          return 2
        }
        began.open()
        // A task of its own: the stop must not keep it from trying.
        return await Task.detached {
          do {
            try await go.wait()
            try await pool.transaction { try await context.fence($0) }
          } catch {
            code.value.withLock { $0 = (error as? any CodedError)?.code }
          }
          return 1
        }.value
      }
      let dag = DAG("late") { dag in
        dag.task("a", Probe(name: name), retries: .fixed(1, every: .zero))
      }
      let registry = try TaskRegistry([Probe.self])
      let queue = RunQueue(pool: pool, registry: registry, zone: .utc)
      let run = try #require(try await queue.enqueue(dag, interval: interval(0)))
      func daemon(_ lease: Duration) -> Daemon {
        Daemon(
          pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
          options: DaemonOptions(schedules: false, slots: 1, lease: lease))
      }
      let slow = daemon(lease)
      let slowWork = Task { try await slow.run() }
      try await began.wait()
      let quick = daemon(.seconds(60))
      let quickWork = Task { try await quick.run() }
      let worker = try #require(
        try await pool.first("SELECT worker_id FROM runs.task WHERE state = 'running'"))
      try await pool.withConnection { connection in
        try await WorkerRegistry(connection: connection).giveUp(
          worker.get("worker_id", as: Int64.self), slow.runtime)
      }
      _ = try await waitForRow(
        "SELECT FROM runs.run WHERE run_id = \(run) AND state = 'success'", on: pool)
      let store = RunStore(pool)
      let (tasks, attempts) = (try await store.tasks(of: run), try await store.attempts(of: run))
      #expect(tasks.first?.output == .integer(2))
      #expect(attempts.map(\.state) == [.failed, .success])
      go.open()
      // Both leave in order, and the late end has been dealt with by then.
      for daemon in [slow, quick] { daemon.drain() }
      try await slowWork.value
      try await quickWork.value
      #expect(code.value.withLock { $0 } == OrchestratorError.leaseLost)
      #expect(try await store.tasks(of: run) == tasks)
      #expect(try await store.attempts(of: run) == attempts)
    }
  }
}

extension OrchestratorLeaseTests {
  /// There is one worker with one slot: it has to go on while its old attempt blocks.
  @Test func aWorkerThatLostItsLeaseDoesNotWaitForWhatBlocks() async throws {
    try await withFreshDatabase { pool in
      let (began, go) = (Gate(), Gate())
      Probes.shared.set("blocking") { context in
        guard context.attempt.attempt == 1 else { return 2 }
        began.open()
        // A task of its own: the stop does not reach it.
        try await Task.detached { try await go.wait() }.value
        return 1
      }
      let dag = DAG("blocking") { dag in
        dag.task("a", Probe(name: "blocking"), retries: .fixed(1, every: .zero))
      }
      let registry = try TaskRegistry([Probe.self])
      let run = try #require(
        try await RunQueue(pool: pool, registry: registry, zone: .utc)
          .enqueue(dag, interval: interval(0)))
      let daemon = Daemon(
        pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
        options: DaemonOptions(schedules: false, slots: 1, lease: .milliseconds(300)))
      let work = Task { try await daemon.run() }
      try await began.wait()
      let worker = try #require(
        try await pool.first("SELECT worker_id FROM runs.task WHERE state = 'running'"))
      try await pool.withConnection { connection in
        try await WorkerRegistry(connection: connection).giveUp(
          worker.get("worker_id", as: Int64.self), daemon.runtime)
      }
      _ = try await waitForRow(
        "SELECT FROM runs.run WHERE run_id = \(run) AND state = 'success'", on: pool)
      let store = RunStore(pool)
      let (tasks, attempts) = (try await store.tasks(of: run), try await store.attempts(of: run))
      #expect(tasks.first?.output == .integer(2))
      #expect(attempts.map(\.state) == [.failed, .success])
      go.open()
      daemon.drain()
      try await work.value
      #expect(try await store.tasks(of: run) == tasks)
      #expect(try await store.attempts(of: run) == attempts)
    }
  }

  /// The lock of the fence: whoever gives the worker up waits for the transaction that has passed it.
  @Test func nobodyTakesATaskOverInsideOfAFencedTransaction() async throws {
    try await withFreshDatabase { pool in
      try await pool.execute("CREATE TABLE published (token bigint)")
      let (fenced, go) = (Gate(), Gate())
      Probes.shared.set("inside") { context in
        guard context.attempt.attempt == 1 else { return 2 }
        // On sessions that are not the worker's, so that giving it up does not end them.
        try await Task.detached {
          try await pool.transaction { connection in
            try await context.fence(connection)
            try await connection.execute(
              "INSERT INTO published VALUES (\(context.attempt.fencingToken))")
            fenced.open()
            try await go.wait()
          }
        }.value
        return 1
      }
      let dag = DAG("inside") { dag in
        dag.task("a", Probe(name: "inside"), retries: .fixed(1, every: .zero))
      }
      let registry = try TaskRegistry([Probe.self])
      let run = try #require(
        try await RunQueue(pool: pool, registry: registry, zone: .utc)
          .enqueue(dag, interval: interval(0)))
      let daemon = Daemon(
        pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
        options: DaemonOptions(schedules: false, slots: 1, lease: .seconds(60)))
      let work = Task { try await daemon.run() }
      try await fenced.wait()
      let worker = try #require(
        try await pool.first("SELECT worker_id FROM runs.task WHERE state = 'running'"))
      let number = try worker.get("worker_id", as: Int64.self)
      let givingUp = Task {
        try await pool.withConnection { connection in
          try await WorkerRegistry(connection: connection).giveUp(number, daemon.runtime)
        }
      }
      // It waits for the lock; without one it would have taken the task over by now.
      let found = try await waitForRow(
        """
        SELECT EXISTS (SELECT FROM runs.task WHERE state <> 'running') AS taken
        WHERE EXISTS (SELECT FROM runs.task WHERE state <> 'running')
          OR EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock')
        """, on: pool)
      #expect(try !found.get("taken", as: Bool.self))
      go.open()
      try await givingUp.value
      let published = try await pool.query("SELECT token FROM published")
      #expect(published.count == 1)
      let next = Daemon(
        pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
        options: DaemonOptions(schedules: false, slots: 1))
      let nextWork = Task { try await next.run() }
      _ = try await waitForRow(
        "SELECT FROM runs.run WHERE run_id = \(run) AND state = 'success'", on: pool)
      for daemon in [daemon, next] { daemon.drain() }
      try await work.value
      try await nextWork.value
      #expect(try await RunStore(pool).attempts(of: run).map(\.state) == [.failed, .success])
    }
  }

  /// A host that is an hour, or two months, ahead or behind changes no budget and no time on record.
  @Test(arguments: [-60 * 24, -1, 1, 60 * 24])
  func aHostsClockDecidesNothing(hours: Int) async throws {
    try await withFreshDatabase { pool in
      let looks = Level()
      let name = "ahead \(hours)"
      Probes.shared.set(name) { context in
        looks.enter()
        context.log.info("looks")
        if looks.highest < 3 { throw NotYet("the third look") }
        return 1
      }
      let dag = DAG("ahead") { dag in
        dag.sensor(
          "a", SensorProbe(name: name), every: .milliseconds(1), mode: .poke,
          budget: .minutes(30))
      }
      let coordinator = RunCoordinator(
        pool: pool, registry: try TaskRegistry([SensorProbe.self]), projectDirectory: "/nowhere",
        zone: .utc, clock: WrongClock(offset: .hours(hours)))
      let outcome = try await coordinator.run(dag, interval: interval(0))
      #expect(outcome.states == "a success")
      let wrong = try await pool.query(
        """
        SELECT 'log' AS what FROM runs.log
        WHERE logged_at NOT BETWEEN now() - interval '5 minutes' AND now()
        UNION ALL
        SELECT 'attempt' FROM runs.attempt
        WHERE created_at NOT BETWEEN now() - interval '5 minutes' AND now()
        """)
      #expect(wrong.isEmpty)
      #expect(try await RunStore(pool).log(of: outcome.run.runID).count == 3)
    }
  }
}

/// A sensor that does what the probe of its name does.
private struct SensorProbe: RunnableTask, SensorKind {
  static let kind = "sensor_probe"
  var name: String

  func run(in context: TaskContext) async throws -> Int {
    try await Probes.shared.body(name)?(context) ?? 1
  }
}

/// The clock of a host that is set wrong.
private struct WrongClock: HostClock {
  let offset: Duration

  func now() -> Instant { SystemClock().now() + offset }

  func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

/// What a late attempt was told.
private final class RefusalCode: Sendable {
  let value = Mutex<String?>(nil)
}

/// A `strata-chaos node` in a process of its own, that ends with this one.
private final class ChaosNode: Sendable {
  struct Fault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// The binary that was built beside the tests.
  private static let program: String = {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let beside = [
      own.deletingLastPathComponent(),
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      root.appendingPathComponent(".build/debug"),
    ]
    return beside.map { $0.appendingPathComponent("strata-chaos").path }
      .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "strata-chaos"
  }()

  private let child: Process
  var process: Int32 { child.processIdentifier }

  /// Starts a node.
  init(_ role: String, _ url: String, slots: Int, lease: Duration) throws {
    child = try Self.start([
      "node", role, "--database", url, "--slots", "\(slots)", "--lease-milliseconds",
      "\(lease.milliseconds)",
    ])
  }

  /// Makes the tables that nodes need.
  static func prepare(_ url: String) throws {
    let child = try start(["prepare", "--database", url])
    child.waitUntilExit()
    guard child.terminationStatus == 0 else { throw Fault("strata-chaos prepare failed") }
  }

  private static func start(_ arguments: [String]) throws -> Process {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: program)
    child.arguments = arguments
    // Its end tells the node that the test is gone.
    child.standardInput = Pipe()
    try child.run()
    return child
  }

  func signal(_ number: Int32) { Foundation.kill(process, number) }

  /// The exit code.
  func wait() -> Int32 {
    child.waitUntilExit()
    return child.terminationReason == .exit ? child.terminationStatus : -1
  }

  func kill() {
    guard child.isRunning else { return }
    signal(SIGKILL)
    child.waitUntilExit()
  }
}
