import Foundation
import Orchestrator
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Warehouse

/// Drives an experiment: feeds runs, does harm, mends it, and waits until all runs have ended.
struct ChaosDriver {
  /// What a process may take to leave: its attempts' time, and an outage of the server meanwhile.
  private static let drainLimit = Duration.seconds(60)

  let options: Drive
  let server: ChaosServer
  var fleet: Fleet
  /// When the server may be stopped again.
  private var outageFrom = ContinuousClock.now
  private var random: SplitMix64
  private var faults: [Fault: Int] = [:]
  private var violations: [Violation] = []

  init(options: Drive, server: ChaosServer, fleet: Fleet) {
    self.options = options
    self.server = server
    self.fleet = fleet
    random = SplitMix64(seed: options.seed)
  }

  /// Returns once all is checked.
  ///
  /// - Throws: where the experiment itself fails, and at cancellation.
  mutating func run() async throws -> ChaosSummary {
    let clock = ContinuousClock()
    let start = clock.now
    for index in fleet.members.indices { try fleet.start(index) }
    let feeder = try RunFeeder(options: options, server: server)
    // Beside the faults: a statement that waits for a stopped process must not keep the driver from
    // letting it go on.
    let feeding = Task { try await feeder.feed() }
    defer { feeding.cancel() }
    do {
      try await disturb(until: feeder)
      try await feeding.value
      try await settle(feeder)
      try await drain()
    } catch let stuck as StuckExperiment {
      violations.append(stuck.violation)
      for index in fleet.members.indices { fleet.resume(index) }
    }
    let checks = ChaosChecks(pool: server.pool, runs: feeder.fed)
    violations += try await patiently { try await checks.violations() }
    let totals = try await patiently { try await checks.totals() }
    return ChaosSummary(
      seed: options.seed, runs: feeder.fed.count, attempts: totals.attempts, tasks: totals.tasks,
      faults: faults, seconds: (clock.now - start) / .seconds(1), violations: violations)
  }

  // MARK: Faults

  /// Does harm until the feeder has fed enough.
  private mutating func disturb(until feeder: RunFeeder) async throws {
    var next = ContinuousClock.now + .milliseconds(options.faultMilliseconds)
    var watch = ProgressWatch()
    while !feeder.isDone {
      try await tick()
      try watch.check(feeder.progress)
      guard ContinuousClock.now >= next else { continue }
      try await inject(Fault.random(&random))
      let mean = options.faultMilliseconds
      next = .now + .milliseconds(Int.random(in: mean / 5...mean * 9 / 5, using: &random))
    }
  }

  private mutating func inject(_ fault: Fault) async throws {
    let up = fleet.members.indices.filter { fleet.members[$0].isUp }
    let target = up.randomElement(using: &random)
    switch fault {
    case .kill:
      guard let target else { return }
      fleet.kill(target)
    case .stop:
      guard let target else { return }
      let lease = Duration.milliseconds(options.leaseMilliseconds)
      fleet.stop(target, until: .now + lease * Double.random(in: 1.1...2.5, using: &random))
    case .drain:
      guard let target else { return }
      fleet.drain(target)
    case .cut:
      let shares: [Double] = [0.05, 0.2, 1]
      let share = shares.randomElement(using: &random) ?? 1
      try await patiently { try await server.cut(share) }
    case .jump:
      guard let target else { return }
      fleet.signal(target, SIGUSR1)
    case .restart, .crash:
      // Between two outages the fleet is to get somewhere.
      guard ContinuousClock.now >= outageFrom else { return }
      if fault == .crash { try await server.crash() } else { try await server.restart() }
      outageFrom = .now + .milliseconds(options.leaseMilliseconds * 3)
    case .died, .froze: return
    }
    faults[fault, default: 0] += 1
  }

  // MARK: Mending

  /// A moment: sees what became of the processes, lets stopped ones go on, starts those that are down.
  private mutating func tick() async throws {
    var pauses = random
    for (index, event) in fleet.look({ .milliseconds(Int.random(in: 0...800, using: &pauses)) }) {
      switch event {
      case .died: faults[.died, default: 0] += 1
      case .stopped: faults[.froze, default: 0] += 1
      case .fault(let text):
        violations.append(Violation(name: "a process ended by itself", evidence: [text]))
        say("\(fleet.members[index].name) ended by itself")
      }
    }
    random = pauses
    for (index, member) in fleet.members.enumerated() {
      if let resumes = member.resumesAt, resumes <= .now { fleet.resume(index) }
      if let starts = member.startsAt, starts <= .now { try fleet.start(index) }
      if let since = member.drainsSince, member.process != 0, member.resumesAt == nil,
        !member.isKilled, ContinuousClock.now - since > Self.drainLimit
      {
        violations.append(
          Violation(
            name: "a process did not drain",
            evidence: ["\(member.name), life \(member.lives), told \(Self.drainLimit) ago"]))
        fleet.kill(index)
      }
    }
    try await Task.sleep(for: .milliseconds(20))
  }

  /// Without further faults: waits until every run has ended.
  private mutating func settle(_ feeder: RunFeeder) async throws {
    var watch = ProgressWatch()
    while true {
      try await tick()
      let progress = try await patiently { try await feeder.measure() }
      if progress.active == 0 { return }
      try watch.check(progress)
    }
  }

  /// Tells everybody to leave, and waits until they have.
  private mutating func drain() async throws {
    var told: Set<Int> = []
    let limit = ContinuousClock.now + .seconds(60)
    while true {
      for index in fleet.members.indices {
        fleet.members[index].startsAt = nil
        guard fleet.members[index].isUp, !told.contains(index) else { continue }
        // A process that has just begun hears the signal only once it listens.
        fleet.drain(index)
        told.insert(index)
      }
      try await tick()
      if fleet.members.allSatisfy({ $0.process == 0 }) { return }
      guard ContinuousClock.now < limit else {
        let left = fleet.members.filter { $0.process != 0 }.map(\.name)
        violations.append(Violation(name: "processes did not drain", evidence: left))
        return
      }
    }
  }
}

/// Runs that no longer get on.
struct StuckExperiment: Error { let violation: Violation }

/// How far the runs have come.
struct ChaosProgress: Sendable, Equatable {
  var tokens: Int64 = 0
  var active: Int64 = 0
  var ended: Int64 = 0
}

/// Notices where nothing changes any more.
struct ProgressWatch {
  private static let patience = Duration.seconds(90)
  private var last = ChaosProgress()
  private var changed = ContinuousClock.now

  mutating func check(_ progress: ChaosProgress) throws {
    if progress != last { (last, changed) = (progress, .now) }
    guard ContinuousClock.now - changed > Self.patience else { return }
    throw StuckExperiment(
      violation: Violation(
        name: "nothing moves", evidence: ["\(progress) for \(Self.patience)"]))
  }
}

/// Makes runs, so that a number of them is always under way.
final class RunFeeder: Sendable {
  /// How many different DAGs there are.
  private static let variety = 40

  private let options: Drive
  private let server: ChaosServer
  private let plans: [ChaosPlan]
  private let queue: RunQueue
  private let state = Mutex<(fed: [FedRun], progress: ChaosProgress, isDone: Bool)>(
    ([], ChaosProgress(), false))

  /// A run that was asked for.
  struct FedRun: Sendable {
    let plan: ChaosPlan
    let interval: DataInterval
  }

  init(options: Drive, server: ChaosServer) throws {
    self.options = options
    self.server = server
    plans = (0..<Self.variety).map { ChaosPlan(number: $0, seed: options.seed) }
    queue = RunQueue(
      pool: server.pool, registry: try TaskRegistry(chaosKinds), zone: .utc)
  }

  var isDone: Bool { state.withLock { $0.isDone } }
  var fed: [FedRun] { state.withLock { $0.fed } }
  var progress: ChaosProgress { state.withLock { $0.progress } }

  /// Feeds until there were attempts enough.
  func feed() async throws {
    defer { state.withLock { $0.isDone = true } }
    let limit = ContinuousClock.now + .seconds(options.seconds)
    while true {
      let progress = try await patiently { try await self.measure() }
      if progress.tokens >= options.attempts || ContinuousClock.now > limit { return }
      for _ in 0..<max(0, options.runs - Int(progress.active)) { try await add() }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func add() async throws {
    let number = fed.count
    let run = FedRun(
      plan: plans[number % plans.count],
      interval: DataInterval(day: Day(number: Int32(20_000 + number / plans.count)), in: .utc))
    // An answer that was lost may have made the run; then there is one of its key, which is as good.
    _ = try await patiently {
      try await queue.enqueue(run.plan.dag(), interval: run.interval)
    }
    state.withLock { $0.fed.append(run) }
  }

  /// How far the runs have come, by the database.
  func measure() async throws -> ChaosProgress {
    let row = try await server.pool.first(
      """
      SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM runs.fencing_token) AS tokens,
        (SELECT count(*) FROM runs.run WHERE state IN ('queued', 'running')) AS active,
        (SELECT count(*) FROM runs.task WHERE finished_at IS NOT NULL) AS ended
      """)
    guard let row else { throw ChaosError("expected a row of progress, found none") }
    let progress = ChaosProgress(
      tokens: try row.get("tokens"), active: try row.get("active"), ended: try row.get("ended"))
    state.withLock { $0.progress = progress }
    return progress
  }
}
