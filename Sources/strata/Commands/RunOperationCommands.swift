import ArgumentParser
import Orchestrator
import Pipeline
import Schedules
import Tasks

/// The runs that an operation is for: by number, or those of a DAG over a span.
struct RunChoice: ParsableArguments {
  @Argument(help: "Numbers of runs.")
  var runs: [Int64] = []

  @Option(
    help: ArgumentHelp("Instead: the runs of this DAG from --from to --to.", valueName: "name"))
  var dag: String?

  @Option(help: ArgumentHelp("The first day of their data, or an instant.", valueName: "day"))
  var from: String?

  @Option(help: ArgumentHelp("The last day of their data, or an instant.", valueName: "day"))
  var to: String?

  func validate() throws {
    let isSpan = dag != nil || from != nil || to != nil
    guard isSpan != !runs.isEmpty else {
      throw ValidationError("expected numbers of runs, or --dag with --from and --to")
    }
    guard !isSpan || (dag != nil && from != nil && to != nil) else {
      throw ValidationError("expected --dag, --from and --to together")
    }
  }

  func resolve(_ operations: RunOperations, _ session: Session) async throws -> [Int64] {
    guard let dag else { return runs }
    let name = try DAGChoice(project: session.project).find(dag).name
    let span = try SpanChoice(from: from ?? "", to: to ?? "").resolve(in: session.project.zone)
    let found = try await operations.runs(of: name, from: span.start, to: span.end)
    guard !found.isEmpty else {
      throw UsageError(
        message: "expected runs of \(name) from \(from ?? "") to \(to ?? ""), found none",
        hint: "strata runs list --dag \(name)")
    }
    return found
  }
}

/// `--from` and `--to`: days, both of which belong to the span, or instants, a half-open span.
struct SpanChoice {
  let from: String
  let to: String

  func resolve(in zone: Zone) throws -> DataInterval {
    func bound(_ text: String, _ name: String, _ day: (Day) -> Instant) throws -> Instant {
      if let found = Day(iso8601: text) { return day(found) }
      guard let instant = Instant(rfc3339: text) else {
        throw UsageError(
          message: "expected --\(name) as YYYY-MM-DD or an RFC 3339 instant, found '\(text)'")
      }
      return instant
    }
    return try DataInterval(
      start: bound(from, "from") { zone.midnight($0) },
      end: bound(to, "to") { zone.midnight($0 + 1) })
  }
}

/// What all operations on runs have in common.
struct OperationSettings: ParsableArguments {
  @OptionGroup var choice: RunChoice

  @Flag(help: "Only say what would happen, run by run and task by task.")
  var dryRun = false

  @Option(help: ArgumentHelp("Why, noted with the runs.", valueName: "text"))
  var message: String?

  var author: Author { Author(message: message) }

  /// Says what an operation does, or does it and says what it did.
  func perform(
    _ operation: RunOperation, _ session: Session
  ) async throws -> [RunChange] {
    let operations = RunOperations(session.pool, author: author)
    let runs = try await choice.resolve(operations, session)
    let changes =
      dryRun
      ? try await operations.preview(operation, on: runs)
      : try await operations.apply(operation, to: runs)
    try RunChangePrinter(session).print(changes)
    return changes
  }
}

/// Prints what operations do to runs.
struct RunChangePrinter {
  let session: Session

  init(_ session: Session) { self.session = session }

  func print(_ changes: [RunChange]) throws {
    if let only = changes.first, changes.count == 1, let refusal = only.refusal {
      throw OrchestratorError(
        code: refusal.code, message: "run \(only.runID): \(refusal.message)")
    }
    let console = session.console
    if console.json { return try console.print(json: changes) }
    for change in changes {
      let name =
        "run \(change.runID) of \(change.dag), "
        + Moment.interval(change.interval, in: session.project.zone)
      if let refusal = change.refusal {
        console.print("\(name): left alone, \(refusal.message)")
        continue
      }
      let state =
        change.before == change.after
        ? change.after.rawValue : "\(change.before.rawValue) -> \(change.after.rawValue)"
      console.print("\(name): \(state)")
      for task in change.tasks {
        let what =
          task.before == task.after
          ? task.after.rawValue : "\(task.before.rawValue) -> \(task.after.rawValue)"
        console.print("  \(task.task): \(what)\(task.isStopped ? ", its attempt is stopped" : "")")
      }
    }
  }
}

extension RunsCommand {
  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Stop runs; their queries are stopped in the server.",
      discussion: "Teardowns still run where their setup succeeded.")
    @Flag(inversion: .prefixedNo, help: "Wait until they have ended; the default on a terminal.")
    var wait: Bool?
    @OptionGroup var settings: OperationSettings
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (settings, wait) = (settings, wait)
      try await Session.open(global) { session in
        let changes = try await settings.perform(.cancel, session)
        let runs = changes.filter { $0.refusal == nil && $0.after == .running }.map(\.runID)
        guard !settings.dryRun, wait ?? session.console.err.isInteractive, !runs.isEmpty else {
          return
        }
        let records = try await RunOperations(session.pool).waitForEnd(of: runs)
        for run in records {
          if run.state == .running {
            session.console.warn(
              "run \(run.runID) waits for a daemon to clean up: strata scheduler")
          } else {
            session.console.note("run \(run.runID): \(run.state.rawValue)")
          }
        }
      }
    }
  }

  struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let tasks run again, also in mid-run: what runs is stopped first.",
      discussion: """
        Whoever has the run goes on with it; a run that had ended waits for a daemon. See rerun to \
        work on it here.
        """)
    @Option(
      help: ArgumentHelp("X, X+, +X, load.*, with commas; all by default.", valueName: "tasks"))
    var task: String?
    @OptionGroup var settings: OperationSettings
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let settings = settings
      let selection = try task.map { text throws(PipelineError) in try TaskSelection(text) }
      try await Session.open(global) { session in
        _ = try await settings.perform(.clear(selection ?? .all), session)
      }
    }
  }

  struct Rerun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run again what failed, some tasks, or all of them.",
      discussion: """
        Daemons work on it where there are any; else this process does, with live progress.
        """)
    @Flag(help: "What failed or could not run, and all that is downstream of it.")
    var fromFailure = false
    @Option(help: ArgumentHelp("X, X+, +X, load.*, with commas.", valueName: "tasks"))
    var task: String?
    @Option(help: ArgumentHelp("Tasks at once, where this process works.", valueName: "n"))
    var parallelism = 4
    @OptionGroup var settings: OperationSettings
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      if fromFailure, task != nil {
        throw ValidationError("expected --from-failure or --task, found both")
      }
      guard parallelism >= 1 else {
        throw ValidationError("expected --parallelism of at least 1, found \(parallelism)")
      }
    }

    mutating func run() async throws {
      let (settings, parallelism) = (settings, parallelism)
      let operation: RunOperation =
        fromFailure ? .rerunFailed : .clear(try task.map { try TaskSelection($0) } ?? .all)
      try await Session.open(global) { session in
        guard !settings.dryRun, !(try await RunStore(session.pool).hasDaemon()) else {
          _ = try await settings.perform(operation, session)
          return
        }
        let operations = RunOperations(session.pool, author: settings.author)
        var failed = false
        for run in try await settings.choice.resolve(operations, session) {
          let outcome = try await Self.work(
            run, operation, settings.author, RunOptions(parallelism: parallelism), session)
          try await ReportPrinter.finish(outcome, session)
          failed = failed || !outcome.succeeded
        }
        if failed { throw ExitCode(1) }
      }
    }

    /// Works on a run in this process.
    private static func work(
      _ run: Int64, _ operation: RunOperation, _ author: Author, _ options: RunOptions,
      _ session: Session
    ) async throws -> RunOutcome {
      let tasks = try await RunStore(session.pool).tasks(of: run)
      let presenter = RunPresenter(
        "run \(run)", tasks: tasks.map(\.task), console: session.console)
      defer { presenter.close() }
      let coordinator = try session.coordinator()
      return try await Signals.cancelling {
        try await coordinator.rerun(
          run, operation, author: author, options: options,
          observer: { presenter.observe($0) })
      }
    }
  }

  struct Mark: AsyncParsableCommand {
    enum Outcome: String, ExpressibleByArgument, CaseIterable {
      case success, failed, skipped

      var state: TaskState {
        switch self {
        case .success: .success
        case .failed: .failed
        case .skipped: .skipped
        }
      }
    }

    static let configuration = CommandConfiguration(
      abstract: "Let tasks count as success, failed or skipped; those downstream are asked again.",
      discussion: "A task that is marked a success has no product for those that read it.")
    @Option(help: ArgumentHelp("X, X+, +X, load.*, with commas.", valueName: "tasks"))
    var task: String
    @Option(name: .customLong("as"), help: "success, failed or skipped.")
    var outcome: Outcome
    @OptionGroup var settings: OperationSettings
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (settings, state) = (settings, outcome.state)
      let selection = try TaskSelection(task)
      try await Session.open(global) { session in
        _ = try await settings.perform(.mark(selection, state), session)
      }
    }
  }
}
