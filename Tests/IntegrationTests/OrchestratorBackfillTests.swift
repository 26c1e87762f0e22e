import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// Notes what happened, in order.
final class Journal: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite(.timeLimit(.minutes(15))) struct OrchestratorBackfillTests {
  private let maria = Author(name: "maria@etl1", message: "new column")
  private let first = Day(number: 20_000)

  private func backfills(_ pool: ConnectionPool) throws -> Backfills {
    Backfills(
      pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]), zone: .utc,
      author: maria)
  }

  private func days(_ count: Int, from offset: Int = 0) -> [DataInterval] {
    (0..<count).map { DataInterval(day: first + (offset + $0), in: .utc) }
  }

  private func request(
    _ dag: DAG, days count: Int, from offset: Int = 0, params: JSONValue = .object([:]),
    reprocess: Reprocess = .none, isReverse: Bool = false, maxActive: Int = 4
  ) -> BackfillRequest {
    BackfillRequest(
      dag, from: Zone.utc.midnight(first + offset), to: Zone.utc.midnight(first + (offset + count)),
      params: params, reprocess: reprocess, isReverse: isReverse, maxActive: maxActive)
  }

  private func daily(_ name: String, policy: TaskPolicy = TaskPolicy()) -> DAG {
    DAG(name, schedule: .cron("0 2 * * *", zone: "UTC")) { dag in
      dag.task("a", Probe(name: name), policy: policy)
    }
  }

  private func feed(_ pool: ConnectionPool, _ puppet: Puppet) async throws -> Int {
    let runtime = puppet.runtime
    return try await pool.withConnection {
      try await BackfillFeeder(runtime: runtime).feed($0)
    }
  }

  // MARK: The plan, and what then happens

  /// Runs of every kind are there; each way to reprocess does what its dry run says.
  @Test(arguments: Reprocess.allCases)
  func theDryRunIsWhatThenHappens(_ reprocess: Reprocess) async throws {
    try await withFreshDatabase { pool in
      let dag = daily("plan")
      let puppet = try await Puppet(pool)
      let all = days(7)
      // 0 success, 1 failed, 2 cancelled, 3 under way, 4 with other params; 5 and 6 are free.
      var runs: [Int64] = []
      for day in 0..<3 { runs.append(try await puppet.start(dag, interval: all[day])) }
      let failed = runs[1]
      let cancelled = runs[2]
      _ = try await RunOperations(pool).apply(.cancel, to: [cancelled])
      try await puppet.workOff { task in
        task.run.runID == failed
          ? .failed(AttemptFault(ProbeFailure())) : .success(.integer(1), skips: [])
      }
      _ = try await puppet.start(dag, interval: all[4], params: .object(["x": .integer(1)]))
      try await puppet.workOff()
      let held = try await puppet.start(dag, interval: all[3])
      let holder = try await puppet.claim(1)

      let backfills = try backfills(pool)
      let request = request(dag, days: 7, reprocess: reprocess, maxActive: 10)
      let plan = try await backfills.plan(request)
      let rerun: (BackfillAction, BackfillAction, BackfillAction) =
        switch reprocess {
        case .none: (.skip, .skip, .skip)
        case .failed: (.skip, .rerun, .rerun)
        case .completed: (.rerun, .rerun, .rerun)
        }
      #expect(
        plan.steps.map(\.action) == [rerun.0, rerun.1, rerun.2, .wait, .run, .run, .run])
      #expect(try await backfills.list().isEmpty, "a dry run wrote")
      let (id, stored) = try await backfills.create(request)
      #expect(stored == plan)
      let recorded = try await backfills.intervals(id)
      #expect(recorded.map(\.action) == plan.steps.map(\.action))
      #expect(recorded.map(\.interval) == plan.steps.map(\.interval))
      #expect(recorded.map(\.reason) == plan.steps.map(\.reason))

      let started = try await feed(pool, puppet)
      #expect(started == plan.steps.count { $0.action == .run || $0.action == .rerun })
      #expect(try await feed(pool, puppet) == 0)
      try await puppet.workOff()
      _ = try await feed(pool, puppet)
      var now = try await backfills.record(id)
      #expect(now.state == .running && now.tally.inFlight == 1)
      // Once the holder has ended, its interval is decided like any other.
      for task in holder { try await puppet.end(task, .failed(AttemptFault(ProbeFailure()))) }
      _ = try await feed(pool, puppet)
      try await puppet.workOff()
      _ = try await feed(pool, puppet)
      now = try await backfills.record(id)
      #expect(now.state == .finished && now.finishedAt != nil)
      let ends = try await backfills.intervals(id)
      let outcomes: [BackfillOutcome] = plan.steps.map { $0.action == .skip ? .skipped : .success }
      #expect(
        ends.map(\.outcome)
          == outcomes.enumerated().map { $0 == 3 && reprocess == .none ? .skipped : $1 })
      #expect(ends[3].runID == held)
      let tries = try await RunStore(pool).tasks(of: runs[0]).map(\.attempts)
      #expect(tries == [reprocess == .completed ? 2 : 1])
      let kinds = try await pool.query(
        "SELECT run.kind, bool_and(is_backfill) AS own FROM runs.run JOIN runs.task USING (run_id) "
          + "WHERE backfill_id = \(id) GROUP BY run.kind")
      #expect(try kinds.map { try $0.get("kind", as: String.self) } == ["backfill"])
      #expect(try kinds.allSatisfy { try $0.get("own", as: Bool.self) })
      let noted = try await RunStore(pool).events(of: held).contains { $0.kind == "in_flight" }
      #expect(noted)
    }
  }

  @Test func whatCannotBeIsRefused() async throws {
    try await withFreshDatabase { pool in
      let backfills = try backfills(pool)
      let past = daily("past", policy: TaskPolicy(dependsOnPast: true))
      let reverse = await #expect(throws: OrchestratorError.self) {
        try await backfills.plan(request(past, days: 3, isReverse: true))
      }
      #expect(reverse?.code == "orchestrator.bad_backfill")
      #expect(reverse?.message.contains("'a'") == true)
      for (bad, code) in [
        (request(daily("none"), days: 3, maxActive: 0), "orchestrator.bad_backfill"),
        (request(daily("none"), days: -3), "orchestrator.bad_backfill"),
      ] {
        let error = await #expect(throws: OrchestratorError.self) {
          try await backfills.create(bad)
        }
        #expect(error?.code == code)
      }
      let unknown = await #expect(throws: OrchestratorError.self) { try await backfills.pause(9) }
      #expect(unknown?.code == "orchestrator.unknown_backfill")
    }
  }

  // MARK: Feeding

  @Test func noMoreThanItsShareIsStartedInOrder() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      let backfills = try backfills(pool)
      let dag = daily("share")
      let (id, _) = try await backfills.create(request(dag, days: 7, maxActive: 3))
      var seen: [DataInterval] = []
      for expected in [3, 3, 1] {
        #expect(try await feed(pool, puppet) == expected)
        #expect(try await feed(pool, puppet) == 0)
        let claimed = try await puppet.claim(10)
        seen += claimed.map(\.run.interval)
        for task in claimed { try await puppet.end(task, .success(.integer(1), skips: [])) }
      }
      #expect(seen == days(7))
      _ = try await feed(pool, puppet)
      #expect(try await backfills.record(id).state == .finished)

      let (back, _) = try await backfills.create(
        request(dag, days: 5, reprocess: .completed, isReverse: true, maxActive: 1))
      var reverse: [DataInterval] = []
      for _ in 0..<5 {
        _ = try await feed(pool, puppet)
        for task in try await puppet.claim(10) {
          reverse.append(task.run.interval)
          try await puppet.end(task, .success(.integer(1), skips: []))
        }
      }
      _ = try await feed(pool, puppet)
      #expect(reverse == days(5).reversed())
      #expect(try await backfills.record(back).state == .finished)
    }
  }

  /// Many feeders at once start each interval once.
  @Test func feedersNeverStartAnIntervalTwice() async throws {
    try await withFreshDatabase(limit: 12) { pool in
      let puppet = try await Puppet(pool)
      let dag = daily("race")
      for _ in 0..<3 {
        _ = try await backfills(pool).create(request(dag, days: 20, maxActive: 20))
      }
      let runtime = puppet.runtime
      let started = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<8 {
          group.addTask {
            var count = 0
            for _ in 0..<5 {
              count += try await pool.withConnection {
                try await BackfillFeeder(runtime: runtime).feed($0)
              }
            }
            return count
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(started == 20)
      let runs = try await RunStore(pool).runs(of: "race", limit: 100)
      #expect(runs.count == 20)
      #expect(Set(runs.map(\.interval)).count == 20)
      try await puppet.workOff()
      _ = try await feed(pool, puppet)
      let ended = try await backfills(pool).list()
      #expect(ended.allSatisfy { $0.state == .finished })
      #expect(ended.reduce(0) { $0 + $1.tally.succeeded } == 20)
      #expect(ended.reduce(0) { $0 + $1.tally.skipped } == 40)
    }
  }

  @Test func aPausedBackfillBeginsNothingAndACancelledOneStops() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      let backfills = try backfills(pool)
      let (id, _) = try await backfills.create(request(daily("pause"), days: 6, maxActive: 2))
      #expect(try await feed(pool, puppet) == 2)
      #expect(try await backfills.pause(id).state == .paused)
      #expect(try await backfills.pause(id).state == .paused)
      try await puppet.workOff()
      #expect(try await feed(pool, puppet) == 0)
      var record = try await backfills.record(id)
      #expect(record.tally.succeeded == 2 && record.tally.pending == 4)
      #expect(record.author == "maria@etl1" && record.message == "new column")
      #expect(try await backfills.resume(id).state == .running)
      #expect(try await feed(pool, puppet) == 2)
      let live = try await puppet.claim(1)
      record = try await backfills.cancel(id)
      // One run had not begun its task; the other has to be stopped first.
      #expect(record.state == .cancelling && record.tally.started == 1)
      #expect(record.tally.cancelled == 3)
      for task in live { try await puppet.end(task, .cancelled(reason: "stopped")) }
      _ = try await feed(pool, puppet)
      record = try await backfills.record(id)
      #expect(record.state == .cancelled && record.tally.cancelled == 4)
      for change in [backfills.pause, backfills.resume] {
        let ended = await #expect(throws: OrchestratorError.self) { try await change(id) }
        #expect(ended?.code == "orchestrator.backfill_ended")
      }
    }
  }

  @Test func intervalsThatDependOnThePastGoInOrder() async throws {
    try await withFreshDatabase { pool in
      let journal = Journal()
      Probes.shared.set("order") { context in
        journal.add("\(context.run.interval.start)")
        return 1
      }
      let dag = daily("order", policy: TaskPolicy(dependsOnPast: true))
      let (id, _) = try await backfills(pool).create(request(dag, days: 12, maxActive: 6))
      let record = try await coordinator(pool).backfill(id)
      #expect(record.state == .finished && record.tally.succeeded == 12)
      #expect(journal.all == days(12).map { "\($0.start)" })
    }
  }

  // MARK: Who works on it

  @Test func withoutDaemonsThisProcessWorksOnIt() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("here") { context in
        if context.run.interval.start == Zone.utc.midnight(Day(number: 20_003)) {
          throw ProbeFailure(message: "no file")
        }
        return 1
      }
      let told = Journal()
      let (id, _) = try await backfills(pool).create(request(daily("here"), days: 10))
      let record = try await coordinator(pool).backfill(id) { event in
        if case .progress(let record) = event { told.add("\(record.tally.ended)") }
      }
      #expect(record.state == .finished)
      #expect(record.tally.succeeded == 9 && record.tally.failed == 1)
      #expect(told.all.last == "10")
      #expect(told.all.compactMap(Int.init) == told.all.compactMap(Int.init).sorted())
      let failed = try await backfills(pool).intervals(id).filter { $0.outcome == .failed }
      #expect(failed.map(\.place) == [3])
      #expect(failed.first?.reason?.contains("no file") == true)
      #expect(try await RunStore(pool).workers().isEmpty, "a worker did not sign off")
    }
  }

  @Test func aCancelledForegroundBackfillStopsItsRuns() async throws {
    try await withFreshDatabase { pool in
      // Its two runs, which begin one after the other, and this test.
      let started = Rendezvous(parties: 3)
      Probes.shared.set("sigint") { _ in
        await started.meet()
        try await Gate().wait()
        return 1
      }
      let (id, _) = try await backfills(pool).create(
        request(daily("sigint"), days: 5, maxActive: 2))
      let coordinator = try coordinator(pool)
      let work = Task { try await coordinator.backfill(id) }
      await started.meet()
      work.cancel()
      let record = try await work.value
      #expect(record.state == .cancelled && record.tally.cancelled == 5)
      let states = try await RunStore(pool).runs().map(\.state)
      #expect(states.count == 2 && states.allSatisfy { $0 == .cancelled })
    }
  }

  @Test func anotherProcessGoesOnWhereOneDied() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let dies = Mutex(true)
      Probes.shared.set("died") { _ in
        guard dies.withLock({ $0 }) else { return 1 }
        started.open()
        try await Gate().wait()
        return 1
      }
      let dag = DAG("died", schedule: .cron("0 2 * * *", zone: "UTC")) { dag in
        dag.task("a", Probe(name: "died"), retries: .fixed(1, every: .zero))
      }
      let (id, _) = try await backfills(pool).create(request(dag, days: 6, maxActive: 2))
      let coordinator = try coordinator(pool)
      let dead = Task {
        try await coordinator.backfill(id, options: RunOptions(lease: .milliseconds(300)))
      }
      try await started.wait()
      dies.withLock { $0 = false }
      try await pool.execute(
        "UPDATE runs.worker SET state = 'lost', stopped_at = now() WHERE state = 'live'")
      let lost = await #expect(throws: OrchestratorError.self) { try await dead.value }
      #expect(lost?.code == OrchestratorError.leaseLost)
      let record = try await coordinator.backfill(id)
      #expect(record.state == .finished && record.tally.succeeded == 6)
    }
  }

  @Test func whatOthersHoldForGoodEndsTheWait() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      let dag = daily("held")
      let run = try await puppet.start(dag, interval: days(2)[1])
      try await pool.execute("UPDATE runs.worker SET state = 'gone'")
      let told = Journal()
      let (id, _) = try await backfills(pool).create(request(dag, days: 3))
      let record = try await coordinator(pool).backfill(id) { event in
        if case .held = event { told.add("held") }
      }
      #expect(record.state == .running && record.tally.inFlight == 1)
      #expect(record.tally.succeeded == 2 && told.all == ["held"])
      _ = try await RunOperations(pool).apply(.cancel, to: [run])
      #expect(try await coordinator(pool).backfill(id).tally.skipped == 1)
    }
  }

  /// Ninety intervals while the schedule fires on the same ones and on newer ones.
  @Test func ninetyIntervalsWhileTheScheduleFires() async throws {
    try await withFreshDatabase(limit: 12) { pool in
      let ran = Journal()
      let dag = DAG(
        "ninety", schedule: .cron("0 2 * * *", zone: "UTC"), catchUp: .all,
        starts: first + 80
      ) { dag in
        let a = dag.task("a", Probe(name: "ninety"))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("ninety") { context in
        ran.add("\(context.run.interval.start)")
        return 1
      }
      // Days 80 to 94 are due by schedule; days 0 to 89 are asked for.
      let clock = ManualClock(Zone.utc.midnight(first + 95) + .hours(3))
      let backfills = try backfills(pool)
      let (id, plan) = try await backfills.create(request(dag, days: 90, maxActive: 5))
      #expect(plan.steps.allSatisfy { $0.action == .run })
      try await withDaemons(2, pool, dags: [dag], clock: clock) { _ in
        let record = try await backfills.watch(id) { _ in }
        #expect(record.state == .finished)
        #expect(record.tally.ended == 90 && record.tally.failed + record.tally.cancelled == 0)
        _ = try await waitForRuns(pool) { runs in
          runs.count == 95 && runs.allSatisfy { $0.state == .success }
        }
      }
      #expect(ran.all.count == 95)
      #expect(Set(ran.all).count == 95, "an interval was run twice")
    }
  }

  /// A backfill with all its runs started at once, and a schedule that has one run after the other:
  /// neither waits for the end of the other.
  @Test func neitherTheScheduleNorTheBackfillStarves() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      let (_, _) = try await backfills(pool).create(
        request(daily("fair"), days: 40, maxActive: 40))
      _ = try await feed(pool, puppet)
      for day in 0..<40 {
        _ = try await puppet.start(daily("regular"), interval: days(1, from: 100 + day)[0])
      }
      var turns: [String] = []
      while turns.count < 80 {
        let claimed = try await puppet.claim(1)
        turns += claimed.map(\.run.dag)
        for task in claimed { try await puppet.end(task, .success(.integer(1), skips: [])) }
        if claimed.isEmpty { break }
      }
      #expect(turns.count == 80)
      for (name, within) in [("fair", 4), ("regular", 2)] {
        let places = turns.indices.filter { turns[$0] == name }
        let waits = zip(places, places.dropFirst()).map { $1 - $0 }
        #expect((waits.max() ?? 0) <= within, "\(name) had to wait: \(turns)")
      }
    }
  }

  // MARK: Schedules and pools

  @Test func aPauseHoldsTheScheduleAndItsEndIsShownBefore() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock(Zone.utc.midnight(first) + .hours(3))
      let dag = DAG(
        "held_schedule", schedule: .cron("0 2 * * *", zone: "UTC"), catchUp: .all,
        starts: first - 1
      ) { dag in dag.task("a", Probe(name: "none")) }
      let pausing = SchedulePausing(pool, zone: .utc, author: maria, clock: clock)
      let paused = try await pausing.pause(dag.name)
      #expect(paused.pausedAt == clock.now())
      clock.advance(by: .days(4))
      #expect(try await pausing.pause(dag.name).pausedAt == paused.pausedAt)
      let preview = try await pausing.unpausePreview(dag)
      #expect(preview.runs.map(\.interval) == days(5, from: -1))
      #expect(try await pausing.unpausePreview(dag, limit: 2).isLimited)
      try await withDaemons(1, pool, dags: [dag], clock: clock) { _ in
        await clock.waitForSleepers()
        #expect(try await RunStore(pool).runs().isEmpty)
        #expect(try await pausing.unpause(dag.name).pausedAt == nil)
        let runs = try await waitForRuns(pool) { runs in
          runs.count == 5 && runs.allSatisfy { $0.state == .success }
        }
        #expect(runs.map(\.interval).sorted { $0.start < $1.start } == preview.runs.map(\.interval))
      }
      let kinds = try await pool.query("SELECT kind FROM runs.event WHERE run_id IS NULL")
      #expect(try kinds.map { try $0.get("kind", as: String.self) } == ["paused", "unpaused"])
    }
  }

  @Test func poolsAreListedWithTheirUse() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      let pools = Pools(pool)
      try await pools.set("crm", slots: 3, note: "the CRM's API")
      try await pools.set("crm", slots: 2)
      let dag = DAG("pools") { dag in
        for number in 0..<5 {
          dag.task("a\(number)", Probe(name: "none"), policy: TaskPolicy(pool: "crm"))
        }
        dag.task("b", Probe(name: "none"), policy: TaskPolicy(pool: "unsized"))
      }
      _ = try await puppet.start(dag)
      #expect(try await puppet.claim(10).count == 3)
      #expect(
        try await pools.list() == [
          PoolRecord(pool: "crm", slots: 2, used: 2, waiting: 3, note: "the CRM's API"),
          PoolRecord(pool: "unsized", slots: 1, used: 1, waiting: 0, note: nil),
        ])
      let bad = await #expect(throws: OrchestratorError.self) {
        try await pools.set("x", slots: -1)
      }
      #expect(bad?.code == "orchestrator.bad_pool")
    }
  }
}
