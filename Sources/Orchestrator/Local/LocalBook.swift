import Pipeline
import Schedules
import Synchronization

/// What a ``LocalRun`` remembers of its tasks, and tells its observer.
final class LocalBook: Sendable {
  let observer: @Sendable (RunEvent) -> Void
  private let definition: Definition
  private let records: Mutex<[TaskKey: TaskRecord]>

  init(_ definition: Definition, _ observer: @escaping @Sendable (RunEvent) -> Void) {
    self.definition = definition
    self.observer = observer
    var records: [TaskKey: TaskRecord] = [:]
    for (number, task) in definition.snapshot.tasks.enumerated() {
      records[TaskKey(number)] = TaskRecord(task: task.id, kind: task.kind)
    }
    self.records = Mutex(records)
  }

  /// All tasks, each with its items after it.
  var tasks: [TaskRecord] {
    records.withLock { records in records.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// The first failure that counts, in a sentence.
  var failure: String {
    let failed = records.withLock { records in
      records.filter { $0.value.state == .failed && !definition.plan.tolerated[$0.key.number] }
        .sorted { $0.key < $1.key }.map(\.value)
    }
    // A mapped task fails with its items, which say why.
    guard let first = failed.first(where: { $0.message != nil }) ?? failed.first else {
      return "a tolerated failure left tasks unrun"
    }
    return "task '\(first.task)' failed: \(first.message ?? "")"
  }

  func begin(_ run: RunRecord) { observer(.started(run, .created, tasks: tasks)) }

  func finish(_ run: RunRecord) -> RunOutcome {
    let outcome = RunOutcome(run: run, disposition: .created, tasks: tasks)
    observer(.finished(outcome))
    return outcome
  }

  /// An attempt begins.
  func start(_ key: TaskKey, _ standing: TaskStanding, token: Int64, at now: Instant) {
    change(key) { record in
      record.state = .running
      record.attempts = standing.attempts
      record.allowedAttempts = standing.allowedAttempts
      record.fencingToken = token
      record.startedAt = now
      record.errorCode = nil
      record.message = nil
    }
  }

  /// An attempt ended; the state follows from what the machine says.
  func end(_ key: TaskKey, _ result: AttemptResult) {
    records.withLock { records in
      switch result {
      case .success(let product, _): records[key]?.output = product
      case .failed(let fault):
        records[key]?.errorCode = fault.code
        records[key]?.message = fault.message
      case .skipped(let reason), .cancelled(let reason), .released(let reason):
        records[key]?.message = reason
      case .deferred(_, let reason): records[key]?.message = reason
      }
    }
  }

  /// A task failed without an attempt.
  func fail(_ key: TaskKey, _ fault: AttemptFault) {
    records.withLock { records in
      records[key]?.errorCode = fault.code
      records[key]?.message = fault.message
    }
  }

  /// The machine gave a task a state.
  func note(
    _ key: TaskKey, _ standing: TaskStanding?, _ state: TaskState, at now: Instant,
    due: Instant? = nil
  ) {
    change(key) { record in
      record.state = state
      record.finishedAt = state.isFinal ? now : nil
      if key.item == nil, state == .running { record.startedAt = now }
      if let standing { record.allowedAttempts = standing.allowedAttempts }
    }
    if state == .retrying, let due, let standing {
      observer(.retry(task: definition.id(key), attempt: standing.attempts + 1, at: due))
    }
  }

  private func change(_ key: TaskKey, _ body: (inout TaskRecord) -> Void) {
    let record = records.withLock { records in
      var record =
        records[key]
        ?? TaskRecord(
          task: definition.id(key), kind: definition.snapshot.tasks[key.number].kind)
      body(&record)
      records[key] = record
      return record
    }
    observer(.task(record))
  }
}
