import Pipeline

/// What a decision queued and its own worker starts in the same transaction, without a look at the
/// queue.
struct HandedOver: Sendable {
  let tasks: [ClaimableTask]
  /// What it queued for now beside them.
  let leftBehind: Int
}

extension Claimer {
  /// The tasks that a decision queued for now, best first, up to `free`; nil where the queue has to
  /// be looked at: it may hold more, others may claim from it, or something limits what may run.
  ///
  /// Their rows are locked by the decision that queued them.
  func handOver(_ draft: StepDraft, upTo free: Int) -> HandedOver? {
    guard isDry, !isShared, binding == draft.run.boundWorker,
      isBackfill == (draft.run.kind == .backfill)
    else { return nil }
    let due = draft.availableAt.compactMap { key, at in
      at <= draft.run.at && draft.slice.tasks[key]?.state.isClaimable == true ? key : nil
    }
    let found = due.compactMap { ClaimableTask($0, draft) }
    guard found.count == due.count, LimitTable(found, bindsRuns: false).isEmpty else { return nil }
    let best = found.sorted {
      ($1.priority, $0.availableAt, $0.key) < ($0.priority, $1.availableAt, $1.key)
    }
    let tasks = Array(best.prefix(max(0, free)))
    return HandedOver(tasks: tasks, leftBehind: found.count - tasks.count)
  }
}

extension ClaimableTask {
  /// A task as a decision leaves it; nil where the decision does not know what it stands for.
  init?(_ key: TaskKey, _ draft: StepDraft) {
    guard let standing = draft.slice.tasks[key], let due = draft.availableAt[key] else {
      return nil
    }
    if let item = key.item {
      guard let inputs = draft.inputs[key.number], inputs.indices.contains(item) else {
        return nil
      }
      input = inputs[item]
    } else {
      input = nil
    }
    self.key = key
    definition = draft.definition
    taskID = draft.definition.id(key)
    runID = draft.run.runID
    interval = draft.run.interval
    kind = draft.run.kind
    state = standing.state
    attempts = standing.attempts
    priority = draft.definition.plan.priorities[key.number]
    availableAt = due
    parallelism = draft.run.parallelism
    // The row says when it is started.
    sensorSince = nil
    at = draft.run.at
  }
}
