import Orchestrator
import Pipeline

/// Shows a run's events on the progress board.
final class RunPresenter: Sendable {
  private let board: ProgressBoard
  private let console: Console

  init(_ dag: DAG, console: Console) {
    board = ProgressBoard(dag.tasks.map(\.id), console: console)
    self.console = console
  }

  func observe(_ event: RunEvent) {
    switch event {
    case .started(let run, let disposition, let tasks):
      if disposition != .created {
        console.note("run \(run.runID) \(disposition.rawValue.replacing("_", with: " "))")
      }
      for task in tasks where task.state != .waiting { show(task) }
    case .task(let task):
      show(task)
    case .progress(let task, _, let progress):
      board.update(task) { line in
        line.done = progress.done
        line.total = progress.total
        line.unit = progress.unit
        line.note = progress.note ?? ""
      }
    case .retry(let task, let attempt, let at):
      board.update(task) { $0.note = "attempt \(attempt) failed; again at \(at)" }
    case .log(let line):
      if console.verbose { console.note("[\(line.task)] \(line.level): \(line.message)") }
    case .finished:
      close()
    }
  }

  /// Leaves the last picture standing.
  func close() { board.close() }

  private func show(_ task: TaskRecord) {
    board.update(task.task) { line in
      switch task.state {
      case .waiting, .queued, .deferred: line.state = .waiting
      case .running:
        if line.state != .running {
          line.started = .now
          line.ended = nil
          line.done = 0
        }
        line.state = .running
      case .retrying: line.state = .retrying
      case .success: line.state = .succeeded
      case .failed, .cancelled: line.state = .failed
      case .upstreamFailed: line.state = .upstreamFailed
      case .skipped: line.state = .skipped
      }
      if task.state.isFinal {
        line.ended = .now
        if line.state != .succeeded { line.note = task.message ?? line.note }
      }
      line.tries = task.attempts
    }
  }
}
