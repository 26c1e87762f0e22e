import Pipeline
import Schedules
import Warehouse

extension RunStep {
  /// Notes, in the decision's transaction, who is to be told of it: a crash after the commit loses
  /// no call, and a decision that is rolled back makes none.
  func callbacks(_ draft: StepDraft) throws -> SQL? {
    var calls: [CallbackCall] = []
    let tasks = draft.definition.snapshot.tasks
    var told: Set<TaskKey> = []
    for (key, state) in draft.recorded where told.insert(key).inserted {
      guard !tasks[key.number].callbacks.isEmpty, let event = CallbackEvent(state) else { continue }
      calls += self.calls(event, key, draft)
    }
    for (key, standing) in draft.slice.tasks
    where standing.state == .retrying && draft.availableAt[key] != nil {
      calls += self.calls(.retry, key, draft)
    }
    let before = draft.run.standing.ended
    if let ended = draft.slice.run.ended, ended != before {
      calls += self.calls(ended, draft.run, draft.definition)
    }
    return try CallbackCall.insert(calls, of: draft.run.runID, at: draft.run.at)
  }

  /// Who is to be told that a run was failed without a decision.
  func callbacks(failed run: RunRow, _ definition: Definition) throws -> SQL? {
    try CallbackCall.insert(calls(.failed, run, definition), of: run.runID, at: run.at)
  }

  private func calls(
    _ state: RunState, _ run: RunRow, _ definition: Definition
  ) -> [CallbackCall] {
    guard let event = CallbackEvent(state) else { return [] }
    return definition.snapshot.callbacks.filter { $0.on.contains(event) }.map {
      CallbackCall(
        task: nil, event: event, action: $0.action,
        payload: payload(event, run, ["state": .string(state.rawValue)]))
    }
  }

  private func calls(
    _ event: CallbackEvent, _ key: TaskKey, _ draft: StepDraft
  ) -> [CallbackCall] {
    let task = draft.definition.snapshot.tasks[key.number]
    let standing = draft.slice.tasks[key]
    let id = draft.definition.id(key)
    return task.callbacks.filter { $0.on.contains(event) }.map { callback in
      CallbackCall(
        task: id, event: event, action: callback.action,
        payload: payload(
          event, draft.run,
          [
            "task": .string(id), "state": .string(standing?.state.rawValue ?? ""),
            "attempt": .integer(Int64(standing?.attempts ?? 0)),
            "message": (draft.written[id]?.message ?? draft.messages[key]).map(JSONValue.string)
              ?? .null,
          ]))
    }
  }

  private func payload(
    _ event: CallbackEvent, _ run: RunRow, _ more: [String: JSONValue]
  ) -> JSONValue {
    .object(
      [
        "event": .string(event.rawValue), "dag": .string(run.dag), "run": .integer(run.runID),
        "interval_start": .string("\(run.interval.start)"),
        "interval_end": .string("\(run.interval.end)"), "at": .string("\(run.at)"),
      ].merging(more) { $1 })
  }
}

/// A call that is to be made.
struct CallbackCall: Sendable {
  let task: String?
  let event: CallbackEvent
  let action: Callback.Action
  let payload: JSONValue

  static func insert(
    _ calls: [CallbackCall], of runID: Int64, at now: Instant
  ) throws -> SQL? {
    guard !calls.isEmpty else { return nil }
    let targets = try calls.map {
      JSONText(try JSONValue(encoding: Callback(on: [$0.event], $0.action)).canonicalText)
    }
    return SQL(
      file: "queries/orchestrator/insert_callbacks.sql", runID, now, calls.map(\.task),
      calls.map(\.event.rawValue), targets, calls.map { JSONText($0.payload.canonicalText) })
  }
}

extension CallbackEvent {
  /// What a task that came into a state is told as; nil for nothing.
  init?(_ state: TaskState) {
    switch state {
    case .success: self = .success
    case .failed, .upstreamFailed: self = .failure
    case .skipped: self = .skipped
    case .waiting, .queued, .running, .retrying, .deferred, .cancelled: return nil
    }
  }

  /// What a run that ended is told as; nil for nothing.
  init?(_ state: RunState) {
    switch state {
    case .success: self = .success
    case .failed: self = .failure
    case .queued, .running, .cancelled: return nil
    }
  }
}
