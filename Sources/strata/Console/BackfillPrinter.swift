import ArgumentParser
import Orchestrator
import Pipeline
import Reporting
import Schedules

/// Shows backfills: their plans, how they stand, and their progress.
struct BackfillPrinter {
  let session: Session

  init(_ session: Session) { self.session = session }

  private var console: Console { session.console }
  private var zone: Zone { session.project.zone }

  /// What a dry run says.
  func print(_ plan: BackfillPlan) throws {
    let zone = zone
    try console.list(
      plan.steps, empty: "",
      [
        TableColumn(number: "place") { "\($0.place)" },
        TableColumn("interval") { Moment.interval($0.interval, in: zone) },
        TableColumn("action") { $0.action.rawValue },
        TableColumn("why") { $0.reason ?? "" },
      ])
  }

  func print(_ intervals: [BackfillIntervalRecord]) throws {
    let zone = zone
    try console.list(
      intervals, empty: "",
      [
        TableColumn(number: "place") { "\($0.place)" },
        TableColumn("interval") { Moment.interval($0.interval, in: zone) },
        TableColumn("action") { $0.action.rawValue },
        TableColumn("outcome") { $0.outcome.rawValue },
        TableColumn(number: "run") { $0.runID.map { "\($0)" } ?? "-" },
        TableColumn("why") { $0.reason ?? "" },
      ])
  }

  /// A sentence on how a backfill stands.
  func print(_ record: BackfillRecord) {
    let tally = record.tally
    let counts = [
      (tally.succeeded, "success"), (tally.failed, "failed"), (tally.cancelled, "cancelled"),
      (tally.skipped, "skipped"), (tally.started, "running"), (tally.inFlight, "in flight"),
      (tally.pending, "pending"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    console.print(
      "backfill \(record.backfillID) of \(record.dag): \(record.state.rawValue), "
        + "\(tally.total) interval\(tally.total == 1 ? "" : "s"): \(counts)")
  }

  /// The answer of a command that changed one.
  func tell(_ record: BackfillRecord) throws {
    if console.json { return try console.print(json: record) }
    print(record)
  }

  /// Works on a backfill here where no daemon does, else watches the daemons; leaves with 1 where
  /// an interval did not end well, and with 3 where others hold what is left.
  func follow(
    _ id: Int64, _ backfills: Backfills, detach: Bool, parallelism: Int
  ) async throws {
    guard !detach else { return try tell(await backfills.record(id)) }
    let presenter = BackfillPresenter(id, console: console)
    let record: BackfillRecord
    if try await RunStore(session.pool).hasDaemon() {
      console.note("the daemons work on backfill \(id); stopping this command does not stop it")
      record = try await backfills.watch(id) { presenter.observe($0) }
    } else {
      let coordinator = try session.coordinator()
      record = try await Signals.cancelling {
        try await coordinator.backfill(
          id, options: RunOptions(parallelism: parallelism),
          observer: { presenter.observe($0) })
      }
    }
    presenter.close()
    try tell(record)
    if record.state == .running { throw ExitCode(3) }
    if record.tally.failed + record.tally.cancelled > 0 { throw ExitCode(1) }
  }
}

/// Shows the progress of a backfill, intervals ended with their rate and the time left, and, where
/// each task serves all intervals in one go, the same of the tasks.
final class BackfillPresenter: Sendable {
  private let board: ProgressBoard
  private let console: Console
  private let name: String

  init(_ id: Int64, console: Console) {
    name = "backfill \(id)"
    board = ProgressBoard(title: name, tasks: [name], console: console)
    self.console = console
  }

  func observe(_ event: BackfillEvent) {
    switch event {
    case .progress(let record): show(record)
    case .tasks(let tallies): tallies.forEach(show)
    case .held(let record):
      console.warn(
        "\(record.tally.inFlight) intervals are held by runs that nobody works on; start a "
          + "scheduler, or see: strata backfill show \(record.backfillID)")
    }
  }

  private func show(_ record: BackfillRecord) {
    let tally = record.tally
    board.began(at: record.createdAt)
    board.update(name) { entry in
      entry.startedAt = record.createdAt
      entry.progress = RunBoard.Progress(
        done: Int64(tally.ended - tally.skipped), total: Int64(tally.total - tally.skipped),
        unit: "intervals")
      var notes = ["\(tally.ended) of \(tally.total)", "\(tally.started) running"]
      if tally.failed > 0 { notes.append("\(tally.failed) failed") }
      if tally.inFlight > 0 { notes.append("\(tally.inFlight) in flight") }
      entry.note = notes.joined(separator: ", ")
      switch record.state {
      case .running, .cancelling: entry.standing = .running
      case .paused: entry.standing = .waiting
      case .finished: entry.standing = tally.failed + tally.cancelled > 0 ? .failed : .success
      case .cancelled: entry.standing = .cancelled
      }
      entry.endedAt = record.finishedAt
    }
  }

  /// A task that goes through the intervals: its rate tells when it is done.
  private func show(_ tally: BackfillTaskTally) {
    board.update(tally.task) { entry in
      entry.startedAt = tally.startedAt
      entry.progress = RunBoard.Progress(
        done: Int64(tally.ended), total: Int64(tally.total), unit: "intervals")
      entry.note = "\(tally.ended) of \(tally.total)"
      if tally.failed > 0 { entry.note += ", \(tally.failed) failed" }
      if tally.ended == tally.total {
        entry.standing =
          tally.failed > 0 ? .failed : tally.succeeded == tally.total ? .success : .cancelled
        entry.endedAt = tally.finishedAt
      } else if tally.startedAt != nil {
        entry.standing = .running
        entry.endedAt = nil
      }
    }
  }

  /// Leaves the last picture standing.
  func close() { board.close() }
}
