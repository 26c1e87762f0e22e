import ArgumentParser
import Foundation
import Orchestrator
import Pipeline
import Schedules
import Tasks

/// `strata tasks test DAG TASK`: one attempt in this process, recorded nowhere.
struct TaskTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run one attempt at one task, without a database.",
    discussion: """
      What the task reads is given with --input, or taken from a recorded run with --from-run, whose \
      interval and params then hold too. Nothing is recorded or published. Exit code 1 where the \
      attempt fails.
      """)

  @Argument(help: "The DAG's name.") var dag: String
  @Argument(help: "The task's id; of a mapped task also an item's, such as 'score[2]'.")
  var task: String

  @Option(
    help: ArgumentHelp("The product of a task that this one reads.", valueName: "task=json"))
  var input: [String] = []

  @Option(help: ArgumentHelp("A recorded run to take products from.", valueName: "run"))
  var fromRun: Int64?

  @Option(help: ArgumentHelp("The number of the attempt.", valueName: "n"))
  var attempt = 1

  @OptionGroup var test: TestOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard attempt >= 1 else {
      throw ValidationError("expected --attempt of at least 1, found \(attempt)")
    }
  }

  func run() async throws {
    let given = try TestOptions.products(input, of: "--input")
    try await test.open(global, needsDatabase: fromRun != nil) { project, session in
      let definition = try DAGChoice(project: project).find(dag)
      var interval = try test.interval(in: project.zone)
      var params = try definition.snapshot().params(from: test.parameters.texts())
      var products = given
      if let fromRun, let session {
        let store = RunStore(session.pool)
        guard let run = try await store.run(fromRun), run.dag == dag else {
          throw UsageError(
            message: "expected a run of '\(dag)', found none of number \(fromRun)",
            hint: "strata runs list --dag \(dag)")
        }
        if test.date == nil, test.interval == nil { interval = run.interval }
        if test.parameters.parameters.isEmpty { params = run.params }
        let base = task.prefix { $0 != "[" }
        let reads = definition.tasks.first { $0.id == base }?.reads ?? []
        products.merge(try await store.products(of: fromRun, tasks: reads)) { first, _ in first }
      }
      let local = try LocalAttempt(
        definition, task: task, interval: interval, params: params, inputs: products,
        attempt: attempt, registry: .all, projectDirectory: project.directory.path,
        zone: project.zone, database: test.withDatabase ? session?.pool : nil,
        startsAt: test.start(in: project.zone))
      let (console, zone) = (global.console, project.zone)
      let record = try await Signals.cancelling {
        try await local.run { TestWords.tell($0, console, zone) }
      }
      if console.json {
        try console.print(json: record)
      } else {
        let took = record.duration.map { " after \(Format.duration($0)) of virtual time" } ?? ""
        console.print("\(record.task) \(record.state.rawValue)\(took)")
        if let product = record.output { console.print(product.canonicalText) }
        if let message = record.message { console.print("  \(message)") }
      }
      if record.state == .failed || record.state == .cancelled { throw ExitCode(1) }
    }
  }
}
