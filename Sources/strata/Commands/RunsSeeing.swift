import ArgumentParser
import DAGs
import Foundation
import Orchestrator
import Pipeline
import Reporting
import Schedules
import Tasks

/// `strata runs watch`: live progress of a run that daemons work on.
struct RunsWatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "A run's progress until it has ended; exit code 1 where it did not succeed.")
  @Argument(help: "The run's number.") var run: Int64
  @OptionGroup var global: GlobalOptions

  /// One change, as `--json` prints it.
  struct Change: Encodable {
    let task: String
    let state: TaskState
    let attempts: Int
    let startedAt: Instant?
    let finishedAt: Instant?
    let message: String?
  }

  mutating func run() async throws {
    let number = run
    let global = global
    try await Session.open(global, limit: 1) { session in
      let store = RunStore(session.pool)
      let found = try await RunsCommand.find(number, store)
      let console = session.console
      let presenter = RunPresenter(
        "\(found.dag) run \(number)", tasks: try await store.standings(of: number).map(\.task),
        console: console)
      let last = try await Self.watch(number, store, console, presenter)
      presenter.close()
      if console.json { try console.print(jsonLine: last) }
      console.note("run \(number): \(last.state.rawValue)" + (last.message.map { ", \($0)" } ?? ""))
      if last.state != .success { throw ExitCode(1) }
    }
  }
}

extension RunsWatchCommand {
  /// Shows what changes until the run has ended, and returns it.
  private static func watch(
    _ number: Int64, _ store: RunStore, _ console: Console, _ presenter: RunPresenter
  ) async throws -> RunRecord {
    var known: [String: TaskRecord] = [:]
    while true {
      // The run first: what it says has ended has its tasks' last states.
      let run = try await RunsCommand.find(number, store)
      let tasks = try await store.standings(of: number).filter { known[$0.task] != $0 }
      for task in tasks { known[task.task] = task }
      presenter.show(run, tasks)
      if console.json {
        for task in tasks { try console.print(jsonLine: Change(task)) }
      }
      if run.state != .running, run.state != .queued { return run }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

extension RunsWatchCommand.Change {
  init(_ task: TaskRecord) {
    self.init(
      task: task.task, state: task.state, attempts: task.attempts, startedAt: task.startedAt,
      finishedAt: task.finishedAt, message: task.message)
  }
}

/// `strata runs calendar`: a DAG's runs by the day of their intervals.
struct RunsCalendarCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calendar",
    abstract: "A DAG's runs by the day that their intervals begin on.",
    discussion: """
      A day is missing (?) where the schedule made an interval due that was never run, and left out \
      (∕) where its catch-up makes no run of it: before the DAG was enabled, or while it was paused.
      """)
  @Argument(help: "The DAG's name.") var dag: String
  @Option(help: "How many months, the last one being the current one.") var months = 3
  @OptionGroup var global: GlobalOptions

  /// Enough for every minute of a month; more would take long, and tell nobody anything.
  private static let intervalLimit = 50_000

  func validate() throws {
    guard (1...120).contains(months) else {
      throw ValidationError("expected --months from 1 to 120, found \(months)")
    }
  }

  mutating func run() async throws {
    let (name, months) = (dag, months)
    let global = global
    try await Session.open(global, limit: 1) { session in
      let dag = try DAGChoice(project: session.project).find(name)
      let zone = session.project.zone
      let now = SystemClock().now()
      let today = zone.day(of: now)
      let first = (today - (today.components.day - 1)).adding(months: 1 - months)
      let (from, to) = (zone.midnight(first), zone.midnight(today.adding(months: 1)))
      let store = RunStore(session.pool)
      let entries = try await store.intervals(of: name, from: from, to: to).map {
        RunCalendar.Entry(
          run: $0.runID, interval: $0.interval,
          standing: Standing(rawValue: $0.state.rawValue) ?? .missing)
      }
      // Before its first run nobody expected one.
      var expected: [DataInterval] = []
      if let begin = try await store.firstInterval(of: name) {
        expected = try Self.expected(of: dag, from: max(begin, from), now: now, session.console)
      }
      let leftOut = try await SchedulePausing(session.pool, zone: zone).leftOut(of: expected, dag)
      let calendar = RunCalendar(
        entries, expected: expected, leftOut: leftOut, until: today, months: months, in: zone)
      let console = session.console
      if console.json { return try console.print(json: calendar.days) }
      console.print("\(name): \(dag.schedule.description)")
      for line in calendar.lines(console.out.canvas()) { console.print(line) }
    }
  }

  /// The intervals that a DAG's schedule has made due.
  private static func expected(
    of dag: DAG, from: Instant, now: Instant, _ console: Console
  ) throws -> [DataInterval] {
    guard let timetable = try dag.schedule.timetable() else { return [] }
    var intervals: [DataInterval] = []
    var firing = timetable.firstFiring(coveringFrom: from)
    while let at = firing, at <= now {
      guard intervals.count < intervalLimit else {
        console.warn("only the first \(intervalLimit) intervals were looked for")
        break
      }
      if let interval = timetable.interval(firingAt: at) { intervals.append(interval) }
      firing = timetable.next(after: at)
    }
    return intervals
  }
}

/// A run's attempts over time, from its records.
enum RunGantt {
  static func timeline(
    _ run: RunRecord, _ tasks: [TaskRecord], _ attempts: [AttemptRecord], _ snapshot: DAGSnapshot?,
    now: Instant
  ) -> RunTimeline {
    let records = Dictionary(tasks.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
    let upstreams = Dictionary(
      (snapshot?.tasks ?? []).map { ($0.id, $0.upstreams) }, uniquingKeysWith: { $1 })
    // Attempts of earlier passes would squeeze the latest one.
    let shown = attempts.filter { run.passes == 1 || $0.startedAt >= run.startedAt }
    let byTask = Dictionary(grouping: shown) { base($0.task) }
    var rows: [RunTimeline.Row] = []
    var items: [String: Int] = [:]
    for task in tasks where base(task.task) != task.task { items[base(task.task), default: 0] += 1 }
    for task in tasks where base(task.task) == task.task {
      rows.append(
        RunTimeline.Row(
          name: task.task, standing: Standing(rawValue: task.state.rawValue) ?? .waiting,
          readyAt: ready(upstreams[task.task] ?? [], records, run),
          bars: byTask[task.task, default: []].map {
            RunTimeline.Bar(
              from: $0.startedAt, to: $0.finishedAt,
              standing: Standing(rawValue: $0.state.rawValue) ?? .running)
          }, items: items[task.task, default: 0]))
    }
    return RunTimeline(start: run.startedAt, finishedAt: run.finishedAt, now: now, rows: rows)
  }

  /// `score` of `score[3]`.
  private static func base(_ id: String) -> String {
    id.firstIndex(of: "[").map { String(id[..<$0]) } ?? id
  }

  /// When the last upstream task ended, or the run began; nil where one has not ended.
  private static func ready(
    _ upstreams: [String], _ records: [String: TaskRecord], _ run: RunRecord
  ) -> Instant? {
    var ready = run.startedAt
    for id in upstreams {
      guard let task = records[id], task.state.isFinal else { return nil }
      if let finished = task.finishedAt { ready = max(ready, finished) }
    }
    return ready
  }
}
