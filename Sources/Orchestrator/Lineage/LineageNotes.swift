import Pipeline
import Schedules
import Synchronization
import Warehouse

extension LineageOptions {
  private static let chosen = Mutex<LineageOptions?>(nil)

  /// What this process tells of lineage, unless it is said otherwise; nil for nothing.
  public static var ofProcess: LineageOptions? { chosen.withLock { $0 } }

  /// Sets ``ofProcess``, for all that is made after.
  public static func bootstrap(_ options: LineageOptions?) { chosen.withLock { $0 = options } }
}

/// What is noted of lineage in the transaction of a decision.
enum LineageNotes {
  /// A run began, or goes on after it had ended.
  static func started(_ runID: Int64, at now: Instant) -> SQL {
    statement(runID, now, [(.start, nil, nil, nil)])
  }

  /// A run was failed without a decision.
  static func failed(_ runID: Int64, at now: Instant) -> SQL {
    statement(runID, now, [(.fail, nil, nil, nil)])
  }

  /// The attempts and the run that a decision ended, and the run that it opened again.
  static func decided(_ draft: StepDraft) -> [SQL] {
    var notes: [Note] = draft.isReopened ? [(.start, nil, nil, nil)] : []
    notes += draft.written.values.sorted { $0.token < $1.token }.map { ending in
      (kind(ending.attemptState), ending.taskID, ending.token, ending.message)
    }
    if let state = draft.slice.run.ended, draft.run.standing.ended == nil {
      let kind: LineageEvent.Kind =
        switch state {
        case .success: .complete
        case .cancelled: .abort
        case .failed, .queued, .running: .fail
        }
      // Why it failed stands in its row by now.
      notes.append((kind, nil, nil, nil))
    }
    return notes.isEmpty ? [] : [statement(draft.run.runID, draft.run.at, notes)]
  }

  /// The attempts that the statement before has started.
  static func started(_ tasks: [ClaimableTask], at now: Instant) -> SQL {
    SQL(
      file: "queries/orchestrator/note_lineage_starts.sql", now, tasks.map(\.runID),
      tasks.map(\.taskID))
  }

  private typealias Note = (
    kind: LineageEvent.Kind, task: String?, token: Int64?, message: String?
  )

  private static func statement(_ runID: Int64, _ now: Instant, _ notes: [Note]) -> SQL {
    SQL(
      file: "queries/orchestrator/note_lineage.sql", runID, now, notes.map(\.kind.rawValue),
      notes.map(\.task), notes.map(\.token),
      notes.map { $0.kind == .fail ? $0.message : nil })
  }

  /// A sensor that will look again has stopped, and not come to its end.
  private static func kind(_ state: TaskState) -> LineageEvent.Kind {
    switch state {
    case .success, .skipped: .complete
    case .cancelled, .deferred: .abort
    default: .fail
    }
  }
}
