import ArgumentParser
import Orchestrator
import Schedules
import Segments

/// `strata runs …`: what was run, when, and how it ended.
struct RunsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Runs and how they ended.",
    subcommands: [
      List.self, Show.self, RunsWatchCommand.self, RunsCalendarCommand.self, Cancel.self,
      Clear.self, Rerun.self, Mark.self,
    ])

  /// The run of a number.
  static func find(_ number: Int64, _ store: RunStore) async throws -> RunRecord {
    guard let run = try await store.run(number) else {
      throw UsageError(
        message: "expected the number of a run, found \(number)", hint: "strata runs list")
    }
    return run
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs, the latest interval first.")
    @Option(help: "Only of this DAG.") var dag: String?
    @Option(help: "At most so many.") var limit = 20
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let runs = try await RunStore(session.pool).runs(of: dag, limit: limit)
        let zone = session.project.zone
        try session.console.list(
          runs, empty: "no runs yet; try: strata run nightly_segments",
          [
            TableColumn(number: "run") { "\($0.runID)" },
            TableColumn("dag") { $0.dag },
            TableColumn("interval") { Moment.interval($0.interval, in: zone) },
            TableColumn("state") { $0.state.rawValue },
            TableColumn("started") { Moment.local($0.startedAt, in: zone) },
            TableColumn(number: "took") { run in
              run.finishedAt.map { Format.duration($0 - run.startedAt) } ?? "-"
            },
            TableColumn("why") { $0.message ?? "" },
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One run: its tasks, and its attempts over time.")
    @Argument(help: "The run's number.") var run: Int64
    @Flag(help: "Every task, however many there are.") var all = false
    @OptionGroup var global: GlobalOptions

    struct Detail: Encodable {
      let run: RunRecord
      let tasks: [TaskRecord]
      let attempts: [AttemptRecord]
    }

    mutating func run() async throws {
      let (number, limit) = (run, all ? Int.max : 60)
      let global = global
      try await Session.open(global, limit: 1) { session in
        let store = RunStore(session.pool)
        let record = try await RunsCommand.find(number, store)
        let tasks = try await store.tasks(of: number)
        let attempts = try await store.attempts(of: number)
        let console = session.console
        if console.json {
          return try console.print(json: Detail(run: record, tasks: tasks, attempts: attempts))
        }
        try await Self.show(record, tasks, attempts, session, limit: limit)
      }
    }

    private static func show(
      _ record: RunRecord, _ tasks: [TaskRecord], _ attempts: [AttemptRecord], _ session: Session,
      limit: Int
    ) async throws {
      let (console, zone) = (session.console, session.project.zone)
      let store = RunStore(session.pool)
      console.print(
        Style.bold(
          "run \(record.runID) of \(record.dag): \(record.state.rawValue)", if: console.out.colour))
      let took = ((record.finishedAt ?? SystemClock().now()) - record.startedAt)
      var facts = [
        ("interval", Moment.interval(record.interval, in: zone)),
        ("started", Moment.local(record.startedAt, in: zone)),
        ("took", Format.duration(took) + (record.finishedAt == nil ? " so far" : "")),
      ]
      if record.passes > 1 { facts.append(("pass", "\(record.passes)")) }
      if record.params != .object([:]) { facts.append(("params", record.params.canonicalText)) }
      if let message = record.message { facts.append(("why", message)) }
      for (name, fact) in facts {
        console.print("  \(name)\(String(repeating: " ", count: 10 - name.count))\(fact)")
      }
      let snapshot = try await store.snapshot(record.snapshotHash)
      let timeline = RunGantt.timeline(
        record, tasks, attempts, snapshot, now: SystemClock().now())
      console.print()
      for line in timeline.lines(console.out.canvas(), limit: limit) { console.print(line) }
      console.print()
      // Items are in the timeline, folded; the listing shows those that went wrong.
      let listed = tasks.filter {
        !$0.task.hasSuffix("]") || ($0.state.isFinal && $0.state != .success)
      }
      let shown = listed.filter { $0.state != .success }.prefix(limit)
      try console.list(
        listed.count <= limit ? listed : Array(shown), empty: "", TaskColumns.all)
    }
  }
}

/// `strata tasks …`: the tasks and logs of runs.
struct TasksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "Tasks of a run and their logs.",
    subcommands: [List.self, TaskLogCommand.self, TaskTestCommand.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The tasks of a run.")
    @Argument(help: "The run's number.") var run: Int64
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let number = run
      try await Session.open(global, limit: 1) { session in
        let tasks = try await RunStore(session.pool).tasks(of: number)
        try session.console.list(tasks, empty: "run \(number) has no tasks", TaskColumns.all)
      }
    }
  }
}

enum TaskColumns {
  static let all: [TableColumn<TaskRecord>] = [
    TableColumn("task") { $0.task },
    TableColumn("kind") { $0.kind },
    TableColumn("state") { $0.state.rawValue },
    TableColumn(number: "tries") { "\($0.attempts)" },
    TableColumn(number: "took") { $0.duration.map(Format.duration) ?? "-" },
    TableColumn("why") { $0.message ?? "" },
  ]
}

/// Instants as people of the project's zone read them.
enum Moment {
  static func local(_ instant: Instant, in zone: Zone) -> String {
    let time = zone.localTime(at: Instant(seconds: instant.seconds))
    return time.description.replacing("T", with: " ")
  }

  /// A whole local day as the day, anything else as `start .. end`.
  static func interval(_ interval: DataInterval, in zone: Zone) -> String {
    let day = zone.day(of: interval.start)
    if DataInterval(day: day, in: zone) == interval { return day.description }
    return "\(local(interval.start, in: zone)) .. \(local(interval.end, in: zone))"
  }

  /// An RFC 3339 instant, or a day for its end, which is the as-of of its run.
  static func instant(_ text: String, in zone: Zone) throws -> Instant {
    if let instant = Instant(rfc3339: text) { return instant }
    guard let day = Day(iso8601: text) else {
      throw UsageError(message: "expected YYYY-MM-DD or an RFC 3339 instant, found '\(text)'")
    }
    return zone.midnight(day + 1)
  }

  /// `--as-of`; without it the live publication's as-of, else now.
  static func asOf(_ text: String?, _ session: Session) async throws -> Instant {
    if let text { return try instant(text, in: session.project.zone) }
    return try await SegmentReader(pool: session.pool).liveAsOf() ?? SystemClock().now()
  }
}
