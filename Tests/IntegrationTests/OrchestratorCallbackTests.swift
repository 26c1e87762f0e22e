import Foundation
import Orchestrator
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

@Suite("Callbacks", .timeLimit(.minutes(15)))
struct OrchestratorCallbackTests {
  private let webhooks = WebhookClient(command: [Built.path("strata-webhook")])

  private func coordinator(_ pool: ConnectionPool, in folder: URL) throws -> RunCoordinator {
    RunCoordinator(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
      projectDirectory: folder.path, zone: .utc, webhooks: webhooks)
  }

  private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "strata-callbacks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  private func left(_ pool: ConnectionPool) async throws -> Int64? {
    try await pool.first("SELECT count(*) AS calls FROM runs.callback")?
      .get("calls", as: Int64.self)
  }

  /// Notes calls of one action, as decisions do.
  private func note(
    _ count: Int, _ action: Callback.Action, at now: Instant, on pool: ConnectionPool
  ) async throws {
    let target = try JSONValue(encoding: Callback(on: [.failure], action)).canonicalText
    for run in 1...count {
      try await pool.execute(
        """
        INSERT INTO runs.callback (run_id, created_at, due_at, event, target, payload)
        VALUES (\(Int64(run)), \(now), \(now), 'failure', \(JSONText(target)),
          jsonb_build_object('run', \(Int64(run))::bigint, 'event', 'failure'))
        """)
    }
  }

  @Test func aRunCallsItsCommandsAndWebhooks() async throws {
    try await withFreshDatabase { pool in
      try await withFolder { folder in
        let listener = try HTTPListener()
        defer { listener.close() }
        let dag = DAG(
          "called",
          callbacks: [Callback(on: [.failure], .webhook(url: listener.url))]
        ) { dag in
          dag.task(
            "a", Probe(name: "called.a"),
            policy: TaskPolicy(callbacks: [
              Callback(
                on: [.failure],
                .command(["sh", "-c", "cat > told.json; env | grep STRATA_ > variables"])),
              Callback(on: [.success], .command(["touch", "succeeded"])),
            ]))
        }
        Probes.shared.set("called.a") { _ in throw Permanent(ProbeFailure()) }
        let outcome = try await coordinator(pool, in: folder).run(dag, interval: probeInterval)
        #expect(outcome.run.state == .failed)
        #expect(try await left(pool) == 0)

        let told = try JSONValue(
          parsing: String(
            contentsOf: folder.appendingPathComponent("told.json"), encoding: .utf8))
        #expect(told["event"] == "failure" && told["task"] == "a" && told["state"] == "failed")
        #expect(told["dag"] == "called" && told["run"] == .integer(outcome.run.runID))
        #expect(told["message"] == "the probe failed")
        let variables = try String(
          contentsOf: folder.appendingPathComponent("variables"), encoding: .utf8)
        for wanted in [
          "STRATA_EVENT=failure", "STRATA_DAG=called", "STRATA_TASK=a",
          "STRATA_RUN=\(outcome.run.runID)",
        ] {
          #expect(variables.split(separator: "\n").contains(Substring(wanted)))
        }
        #expect(
          !FileManager.default.fileExists(
            atPath: folder.appendingPathComponent("succeeded").path))

        #expect(listener.requests.count == 1)
        let request = listener.requests.first
        #expect(request?.line == "POST /hook HTTP/1.1")
        #expect(request?.headers["content-type"] == "application/json")
        #expect(request?.headers["x-strata-event"] == "failure")
        let body = try JSONValue(parsing: request?.body ?? "")
        #expect(body["dag"] == "called" && body["state"] == "failed" && body["task"] == nil)
        #expect(
          body["key"].map { $0 == .string(request?.headers["idempotency-key"] ?? "") } == true)
      }
    }
  }

  @Test func aDaemonMakesTheCallsOfItsRunsAndOfDeadlines() async throws {
    try await withFreshDatabase { pool in
      let listener = try HTTPListener()
      defer { listener.close() }
      let hook = Callback.Action.webhook(url: listener.url)
      let gate = Gate()
      let dag = DAG(
        "called.daemon", deadline: .afterStart(.milliseconds(1)),
        callbacks: [Callback(on: [.success, .deadline], hook)]
      ) { $0.task("a", Probe(name: "called.daemon")) }
      // The run cannot end before its deadline was told.
      Probes.shared.set("called.daemon") { _ in
        try await gate.wait()
        return 1
      }
      let queue = RunQueue(pool: pool, registry: try TaskRegistry([Probe.self]), zone: .utc)
      _ = try await queue.enqueue(dag, interval: probeInterval)
      try await withDaemons(1, pool, options: DaemonOptions(poll: .milliseconds(50))) { _ in
        _ = await listener.waitForRequests(1)
        gate.open()
        let told = await listener.waitForRequests(2).map { $0.headers["x-strata-event"] ?? "" }
        #expect(told == ["deadline", "success"])
      }
      #expect(try await left(pool) == 0)
    }
  }

  /// Where no scheduler lives: calls of the workers' own decisions, and one that somebody else noted.
  @Test func workersMakeEachCallOnce() async throws {
    try await withFreshDatabase { pool in
      let listener = try HTTPListener()
      defer { listener.close() }
      let hook = Callback.Action.webhook(url: listener.url)
      let dag = DAG("called.workers", callbacks: [Callback(on: [.success], hook)]) {
        $0.task("a", Probe(name: "called.workers"))
      }
      let queue = RunQueue(pool: pool, registry: try TaskRegistry([Probe.self]), zone: .utc)
      for number in 0..<10 {
        let day = Day(number: 20_000 + Int32(number))
        #expect(try await queue.enqueue(dag, interval: DataInterval(day: day, in: .utc)) != nil)
      }
      try await note(1, hook, at: Instant(seconds: 0), on: pool)
      let options = DaemonOptions(schedules: false, slots: 2)
      try await withDaemons(2, pool, options: options) { _ in
        _ = await listener.waitForRequests(11)
      }
      #expect(try await left(pool) == 0)
      #expect(listener.requests.count == 11)
      #expect(Set(listener.requests.map { $0.headers["idempotency-key"] }).count == 11)
      let told = listener.requests.map { $0.headers["x-strata-event"] ?? "" }
      #expect(told.count { $0 == "success" } == 10)
    }
  }

  @Test func aCallThatFailsIsMadeAgainLaterUnderTheSameKey() async throws {
    try await withFreshDatabase { pool in
      let listener = try HTTPListener(status: 503)
      defer { listener.close() }
      let clock = ManualClock()
      try await note(1, .webhook(url: listener.url), at: clock.now(), on: pool)
      let delivery = CallbackDelivery(
        pool: pool, projectDirectory: "/", clock: clock, webhooks: webhooks)
      #expect(try await delivery.deliverDue() == 1)
      #expect(try await delivery.deliverDue() == 0, "it was made again at once")
      let row = try await pool.first("SELECT tries, message, due_at FROM runs.callback")
      #expect(try row?.get("tries", as: Int32.self) == 1)
      #expect(try row?.get("due_at", as: Instant.self) == clock.now() + .seconds(10))
      let message = try row?.get("message", as: String.self) ?? ""
      #expect(message.contains("status 503: said"), "\(message)")
      #expect(message.contains("from http://127.0.0.1"))

      // A redirection is no answer either.
      listener.answer(with: 302)
      clock.advance(by: .seconds(10))
      #expect(try await delivery.deliverDue() == 1)
      #expect(listener.requests.count == 2)
      listener.answer(with: 204)
      clock.advance(by: .seconds(20))
      #expect(try await delivery.deliverDue() == 1)
      #expect(try await left(pool) == 0)
      #expect(Set(listener.requests.map { $0.headers["idempotency-key"] }).count == 1)
      #expect(listener.requests.count == 3)
    }
  }

  @Test func aCallIsGivenUpAfterItsTries() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      try await note(1, .command(["false"]), at: clock.now(), on: pool)
      let delivery = CallbackDelivery(
        pool: pool, projectDirectory: "/", clock: clock, webhooks: webhooks)
      for _ in 0..<CallbackDelivery.triesAtMost {
        #expect(try await delivery.deliverDue() == 1)
        clock.advance(by: .seconds(3600))
      }
      #expect(try await left(pool) == 0)
      let events = try await RunStore(pool).events(of: 1)
      #expect(events.map(\.kind) == ["callback_failed"])
      #expect(events.first?.detail["tries"] == .integer(10))
      #expect(events.first?.detail["message"] == "expected 'false' to succeed, found exit code 1")
    }
  }

  @Test func twoDeliverersMakeEachCallOnce() async throws {
    try await withFreshDatabase { pool in
      try await withFolder { folder in
        let clock = ManualClock()
        let command = ["sh", "-c", "echo $STRATA_RUN >> calls"]
        try await note(40, .command(command), at: clock.now(), on: pool)
        let made = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<2 {
            group.addTask {
              try await CallbackDelivery(
                pool: pool, projectDirectory: folder.path, clock: clock
              ).deliverDue()
            }
          }
          return try await group.reduce(0, +)
        }
        #expect(made == 40)
        #expect(try await left(pool) == 0)
        let calls = try String(
          contentsOf: folder.appendingPathComponent("calls"), encoding: .utf8)
        #expect(calls.split(separator: "\n").compactMap { Int($0) }.sorted() == Array(1...40))
      }
    }
  }

  @Test func aCommandThatHangsIsKilledWithWhatItStarted() async throws {
    try await withFreshDatabase { pool in
      try await withFolder { folder in
        let clock = ManualClock()
        let command = ["sh", "-c", "sleep 600 & echo $! > child; wait"]
        // On a busy machine the limit may be over before there is a child: then it is doubled.
        var (process, limit) = (Int32?.none, Duration.milliseconds(500))
        while process == nil {
          try await pool.execute("DELETE FROM runs.callback")
          try await note(1, .command(command), at: clock.now(), on: pool)
          let delivery = CallbackDelivery(
            pool: pool, projectDirectory: folder.path, clock: clock, timeLimit: limit)
          #expect(try await delivery.deliverDue() == 1)
          let message = try await pool.first("SELECT message FROM runs.callback")?
            .get("message", as: String.self)
          #expect(message?.contains("found no end within \(limit)") == true)
          let child = try? String(
            contentsOf: folder.appendingPathComponent("child"), encoding: .utf8)
          process = child.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
          limit *= 2
        }
        #expect(process.map(Built.isRunning) == false)
      }
    }
  }
}
