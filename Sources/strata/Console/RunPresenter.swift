import Orchestrator
import Pipeline
import Reporting
import Schedules

/// Shows a run's events on the progress board.
final class RunPresenter: Sendable {
  private let board: ProgressBoard
  private let console: Console

  init(_ title: String, tasks: [String], console: Console) {
    board = ProgressBoard(title: title, tasks: tasks, console: console)
    self.console = console
  }

  convenience init(_ dag: DAG, console: Console) {
    self.init(dag.name, tasks: dag.tasks.map(\.id), console: console)
  }

  func observe(_ event: RunEvent) {
    switch event {
    case .started(let run, let disposition, let tasks):
      if disposition != .created {
        board.note("run \(run.runID) \(disposition.rawValue.replacing("_", with: " "))")
      }
      board.began(at: run.startedAt)
      for task in tasks where task.state != .waiting { show(task) }
    case .task(let task):
      show(task)
    case .progress(let task, _, let progress):
      board.update(task) { entry in
        entry.progress = RunBoard.Progress(
          done: progress.done, total: progress.total, unit: progress.unit)
        entry.note = progress.note ?? ""
      }
    case .retry(let task, let attempt, let at):
      board.update(task) { entry in
        entry.dueAt = at
        let reason = entry.note.isEmpty ? "" : ": \(entry.note)"
        entry.note = "attempt \(attempt - 1) failed\(reason)"
      }
    case .log(let line):
      if console.verbose { board.note("[\(line.task)] \(line.level): \(line.message)") }
    case .finished(let outcome):
      board.ended(at: outcome.run.finishedAt)
      close()
    }
  }

  /// Shows a run as it was read from the database: all that differs from what is shown.
  func show(_ run: RunRecord, _ tasks: [TaskRecord]) {
    board.began(at: run.startedAt)
    board.ended(at: run.finishedAt)
    for task in tasks { show(task) }
  }

  /// Leaves the last picture standing.
  func close() { board.close() }

  private func show(_ task: TaskRecord) {
    board.update(task.task) { entry in
      let standing = Standing(rawValue: task.state.rawValue) ?? .waiting
      if standing == .running, entry.standing != .running {
        entry.progress = nil
        entry.note = ""
      }
      entry.standing = standing
      entry.startedAt = task.startedAt
      entry.endedAt = task.finishedAt
      entry.attempts = task.attempts
      if standing != .retrying, standing != .deferred { entry.dueAt = nil }
      if task.state.isFinal || standing == .retrying {
        if standing != .success { entry.note = task.message ?? "" }
      }
    }
  }
}
