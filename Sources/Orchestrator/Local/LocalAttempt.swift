import Diagnostics
import Logging
import Pipeline
import Schedules
import Warehouse

/// Runs one attempt at one task in this process and records nothing.
///
/// Its clock is virtual, as that of a ``LocalRun``.
public struct LocalAttempt: Sendable {
  private let definition: Definition
  private let key: TaskKey
  private let run: RunIdentity
  private let inputs: [String: JSONValue]
  private let attempt: Int
  private let setting: LocalSetting
  private let startsAt: Instant?

  /// An attempt at a task of a DAG.
  ///
  /// - Parameters:
  ///   - task: the task's id; of a mapped task an item's, `score[2]`, or its own for the first item.
  ///   - inputs: the products that it reads, by the producing task's id.
  ///   - attempt: its number, from 1.
  ///   - database: the project's database; nil for none.
  ///   - startsAt: the instant that it begins at; nil for now.
  /// - Throws: `PipelineError` for an invalid DAG; ``OrchestratorError``
  ///   `orchestrator.unknown_task`, or `orchestrator.missing_input` with every product that it reads
  ///   and was not given.
  public init(
    _ dag: DAG, task: String, interval: DataInterval, params: JSONValue = .object([:]),
    inputs: [String: JSONValue] = [:], attempt: Int = 1, registry: TaskRegistry,
    projectDirectory: String, zone: Zone, database: ConnectionPool? = nil, startsAt: Instant? = nil
  ) throws {
    let snapshot = try dag.snapshot()
    definition = try Definition(hash: "", snapshot: snapshot)
    guard let key = definition.key(task) else { throw definition.unknown(task) }
    let isMapped = definition.plan.mapped[key.number]
    guard isMapped || key.item == nil else { throw definition.unknown(task) }
    self.key = isMapped ? TaskKey(key.number, item: key.item ?? 0) : key
    run = RunIdentity(runID: 0, dag: snapshot.name, interval: interval, params: params)
    self.inputs = inputs
    self.attempt = attempt
    self.startsAt = startsAt
    setting = LocalSetting(
      registry: registry, projectDirectory: projectDirectory, zone: zone, database: database)
    let missing = snapshot.tasks[key.number].reads.filter { inputs[$0] == nil }
    // What is read as optional may be missing; the task says so itself if it needs it.
    guard missing.isEmpty || definition.mayRunWithoutProducts(key.number) else {
      throw OrchestratorError(
        code: "orchestrator.missing_input",
        message: "expected the products that '\(task)' reads, found none of "
          + missing.joined(separator: ", "),
        hint: "give them with --input task=JSON, or take them from a run with --from-run N")
    }
  }

  /// Runs it, and returns the task as it then stands: `success` with its product, `failed`,
  /// `skipped`, or `deferred` for a sensor that found nothing yet.
  ///
  /// - Parameter observer: told of its log lines and progress, from any thread.
  /// - Throws: ``OrchestratorError`` for a kind that the registry lacks, or an item that the task is
  ///   not mapped over.
  public func run(
    observer: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> TaskRecord {
    let mailbox = Mailbox<Void>()
    let clock = VirtualClock(startsAt ?? SystemClock().now()) { mailbox.put(()) }
    let began = clock.now
    let order = try order(at: began)
    let task = try setting.registry.task(for: order.definition)
    clock.seat(1, limit: order.timeLimit)
    let seat = SeatClock(clock: clock, seat: 1)
    let handler = AttemptLogHandler(attempt: order.attempt, clock: seat, buffer: nil) { event in
      if case .log(let line) = event { observer(.log(line)) }
    }
    let place = AttemptPlace(
      pool: setting.pool.scoped(
        "strata test \(run.dag) \(order.attempt.task)",
        deadline: order.timeLimit.map { ContinuousClock.now + $0 }),
      projectDirectory: setting.projectDirectory, zone: setting.zone, clock: seat,
      log: Logger(label: "\(run.dag).\(order.definition.id)") { _ in handler },
      report: { observer(.progress(task: order.attempt.task, attempt: order.attempt.attempt, $0)) },
      limitClock: SeatLimitClock(clock: clock, seat: 1), rehearsal: { [] })
    let stopping = StopFlag()
    let runner = order.runner(of: task, in: place, isStopped: { stopping.isRaised })
    let work = Task(executorPreference: AttemptExecutor.shared) { await runner.run() }
    let result = await withTaskCancellationHandler {
      await work.value
    } onCancel: {
      stopping.raise()
      work.cancel()
    }
    return record(result, order, from: began, to: clock.now)
  }

  private func order(at now: Instant) throws -> AttemptOrder {
    let task = definition.snapshot.tasks[key.number]
    var input: JSONValue?
    if let mapping = task.mapping, let item = key.item {
      let items = try mapping.instances(products: inputs)
      guard items.indices.contains(item) else {
        throw OrchestratorError(
          code: "orchestrator.unknown_item",
          message: "expected an item of '\(task.id)' below \(items.count), found \(item)")
      }
      input = .object(
        Dictionary(
          zip(mapping.itemIDs, items[item]), uniquingKeysWith: { first, _ in first }))
    }
    return AttemptOrder(
      ClaimedTask(
        run: run, definition: definition, key: key, taskID: definition.id(key), attempt: attempt,
        token: 1, startedAt: now, sensorSince: now, input: input), products: inputs)
  }

  private func record(
    _ result: AttemptResult, _ order: AttemptOrder, from began: Instant, to ended: Instant
  ) -> TaskRecord {
    var record = TaskRecord(task: order.attempt.task, kind: order.definition.kind)
    record.attempts = attempt
    record.allowedAttempts = 1 + order.definition.retries.count
    record.startedAt = began
    record.finishedAt = ended
    switch result {
    case .success(let product, _):
      record.state = .success
      record.output = product
    case .skipped(let reason):
      record.state = .skipped
      record.message = reason
    case .failed(let fault):
      record.state = .failed
      record.errorCode = fault.code
      record.message = fault.message
    case .deferred(_, let reason):
      record.state = .deferred
      record.message = reason
    case .cancelled(let reason), .released(let reason):
      record.state = .cancelled
      record.message = reason
    }
    return record
  }
}

extension Definition {
  /// The error for a task that the DAG lacks.
  fileprivate func unknown(_ id: String) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.unknown_task",
      message: "expected a task of '\(snapshot.name)', found '\(id)'",
      hint: Suggestion.hint(for: id, among: plan.ids) ?? "strata dags show \(snapshot.name)")
  }

  /// Whether a task can run without the success of what it reads.
  fileprivate func mayRunWithoutProducts(_ number: Int) -> Bool {
    let task = snapshot.tasks[number]
    return task.rule.mayRunWithoutSuccess(upstreams: task.upstreams.count)
  }
}
