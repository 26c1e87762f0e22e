import ArgumentParser
import DAGs
import Foundation
import Orchestrator
import Pipeline
import Schedules
import Tasks
import Warehouse

/// What `dags test` and `tasks test` have in common.
struct TestOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The local day to run for, YYYY-MM-DD.", valueName: "day"))
  var date: String?

  @Option(
    help: ArgumentHelp(
      "A half-open interval A..B of days or RFC 3339 instants.", valueName: "a..b"))
  var interval: String?

  @Option(help: ArgumentHelp("The instant that its clock begins at.", valueName: "instant"))
  var at: String?

  @Flag(help: "Give tasks the project's database; what they publish is refused all the same.")
  var withDatabase = false

  @OptionGroup var parameters: ParameterOptions

  func validate() throws {
    if date != nil, interval != nil {
      throw ValidationError("expected --date or --interval, found both")
    }
  }

  /// When the clock begins; nil for now.
  func start(in zone: Zone) throws -> Instant? {
    guard let at else { return nil }
    if let instant = Instant(rfc3339: at) { return instant }
    guard let day = Day(iso8601: at) else {
      throw UsageError(message: "expected --at as YYYY-MM-DD or an RFC 3339 instant, found '\(at)'")
    }
    return zone.midnight(day)
  }

  func interval(in zone: Zone) throws -> DataInterval {
    try IntervalChoice(date: date, interval: interval)
      .resolve(in: zone, now: start(in: zone) ?? SystemClock().now())
  }

  /// Runs the body with the project, and its database where that is wanted.
  func open<Result>(
    _ global: GlobalOptions, needsDatabase: Bool = false,
    _ body: (Project, Session?) async throws -> Result
  ) async throws -> Result {
    guard withDatabase || needsDatabase else {
      return try await body(Project(directory: URL(fileURLWithPath: global.project)), nil)
    }
    return try await Session.open(global) { try await body($0.project, $0) }
  }

  /// Products as `task=JSON`.
  static func products(_ texts: [String], of option: String) throws -> [String: JSONValue] {
    try ParameterOptions.pairs(texts, of: option, form: "task=JSON").reduce(into: [:]) {
      products, pair in
      do {
        products[pair.key] = try JSONValue(parsing: pair.value)
      } catch {
        throw UsageError(
          message: "expected \(option) \(pair.key)=JSON, found '\(pair.value)', which is no JSON",
          hint: "text is JSON with its quotes: \(option) '\(pair.key)=\"words\"'")
      }
    }
  }
}

/// `strata dags test DAG`: a whole run in this process, recorded nowhere.
struct DAGTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run a whole DAG in this process, without a database.",
    discussion: """
      Decisions are those of a real run; nothing is recorded or published. Time is virtual: pauses \
      before retries, sensors and sleeps pass at once. A task that asks for the database fails, \
      unless it is mocked, skipped, or --with-database is given.
      """)

  @Argument(help: "The DAG's name.") var dag: String

  @Option(
    help: ArgumentHelp("A task's product, given instead of running it.", valueName: "task=json"))
  var mock: [String] = []

  @Option(help: ArgumentHelp("A task to skip.", valueName: "task"))
  var skip: [String] = []

  @Option(
    help: ArgumentHelp("A task whose first n attempts, or all, fail.", valueName: "task[:n]"))
  var fail: [String] = []

  @OptionGroup var test: TestOptions
  @OptionGroup var global: GlobalOptions

  private struct Report: Encodable {
    let dag: String
    let state: String
    let message: String?
    let startedAt: Instant
    let finishedAt: Instant?
    let tasks: [TaskRecord]
  }

  func run() async throws {
    let standIns = StandIns(
      products: try TestOptions.products(mock, of: "--mock"), skipped: Set(skip),
      failures: try failures())
    try await test.open(global) { project, session in
      let definition = try DAGChoice(project: project).find(dag)
      let run = try LocalRun(
        definition, interval: test.interval(in: project.zone),
        params: definition.snapshot().params(from: test.parameters.texts()), registry: .all,
        projectDirectory: project.directory.path, zone: project.zone,
        options: LocalRun.Options(
          standIns: standIns, database: session?.pool, startsAt: test.start(in: project.zone)))
      let (console, zone) = (global.console, project.zone)
      let outcome = try await Signals.cancelling {
        try await run.run { TestWords.tell($0, console, zone) }
      }
      if console.json {
        try console.print(
          json: Report(
            dag: outcome.run.dag, state: outcome.run.state.rawValue, message: outcome.run.message,
            startedAt: outcome.run.startedAt, finishedAt: outcome.run.finishedAt,
            tasks: outcome.tasks))
      } else {
        TestWords.show(outcome, definition, console)
      }
      if !outcome.succeeded { throw ExitCode(1) }
    }
  }

  private func failures() throws -> [String: Int] {
    var failures: [String: Int] = [:]
    for text in fail {
      guard let colon = text.lastIndex(of: ":") else {
        failures[text] = .max
        continue
      }
      guard let count = Int(text[text.index(after: colon)...]), count >= 1 else {
        throw UsageError(
          message: "expected --fail task or task:n with n of at least 1, found '\(text)'")
      }
      failures[String(text[..<colon])] = count
    }
    return failures
  }
}

/// How a test run is told and shown.
enum TestWords {
  /// What happens on the way, on standard error.
  static func tell(_ event: RunEvent, _ console: Console, _ zone: Zone) {
    switch event {
    case .log(let line):
      guard console.verbose || !["trace", "debug"].contains(line.level) else { return }
      let more = line.metadata.sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
      console.note(
        "\(Moment.local(line.at, in: zone)) [\(line.task)] \(line.level): \(line.message)\(more)")
    case .retry(let task, let attempt, let at):
      console.note("\(Moment.local(at, in: zone)) [\(task)] attempt \(attempt) begins")
    case .started, .task, .progress, .finished: break
    }
  }

  /// The tree of tasks: groups, tasks, items, each with its state and product.
  static func show(_ outcome: RunOutcome, _ dag: DAG, _ console: Console) {
    let groups = Dictionary(dag.tasks.map { ($0.id, $0.group) }, uniquingKeysWith: { $1 })
    let labels = outcome.tasks.map { self.label($0, groups) }
    let width = labels.map { $0.indent * 2 + $0.name.count }.max() ?? 0
    var open: [Substring] = []
    for (record, label) in zip(outcome.tasks, labels) {
      for (depth, name) in label.groups.enumerated()
      where depth >= open.count || open[depth] != name {
        console.print(String(repeating: "  ", count: depth) + "\(name)/")
        open = Array(label.groups.prefix(depth + 1))
      }
      open = label.groups
      let name = String(repeating: "  ", count: label.indent) + label.name
      var parts = [
        mark(record.state, console.out.colour) + " " + name
          + String(repeating: " ", count: width - name.count),
        record.state.rawValue,
      ]
      if record.attempts > 1 { parts.append("\(record.attempts) tries") }
      if let product = record.output {
        let text = product.canonicalText
        parts.append(text.count > 200 ? text.prefix(200) + "…" : text)
      } else if let message = record.message {
        parts.append(message)
      }
      console.print(parts.joined(separator: "  "))
    }
    let took = outcome.run.finishedAt.map { Format.duration($0 - outcome.run.startedAt) } ?? ""
    console.print("\(outcome.run.state.rawValue) after \(took) of virtual time")
    if let message = outcome.run.message { console.print("  \(message)") }
  }

  private static func label(
    _ record: TaskRecord, _ groups: [String: String?]
  ) -> (indent: Int, name: String, groups: [Substring]) {
    let base = String(record.task.prefix { $0 != "[" })
    let group = groups[base].flatMap { $0 } ?? ""
    let path = group.split(separator: ".")
    let isItem = record.task.utf8.count > base.utf8.count
    let own = group.isEmpty ? record.task : String(record.task.dropFirst(group.count + 1))
    return (path.count + (isItem ? 1 : 0), own, path)
  }

  private static func mark(_ state: TaskState, _ colour: Bool) -> String {
    switch state {
    case .success: Style.green("✓", if: colour)
    case .failed, .upstreamFailed, .cancelled: Style.red("✗", if: colour)
    case .skipped: Style.dim("–", if: colour)
    case .waiting, .queued, .running, .retrying, .deferred: Style.yellow("·", if: colour)
    }
  }
}
