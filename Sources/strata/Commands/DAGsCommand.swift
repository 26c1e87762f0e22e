import ArgumentParser
import DAGs
import Foundation
import Orchestrator
import Pipeline
import Schedules
import Tasks

/// `strata dags …`: the pipelines of a project; most of it needs no database.
struct DAGsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dags", abstract: "The project's pipelines.",
    subcommands: [
      List.self, Show.self, Graph.self, Validate.self, DAGTestCommand.self,
      DAGVersionsCommand.self, Pause.self, Unpause.self,
    ])

  struct Summary: Encodable {
    let name: String
    let schedule: String
    let catchUp: String
    let tasks: Int
    let location: String

    init(_ dag: DAG) {
      name = dag.name
      schedule = dag.schedule.description
      catchUp = dag.catchUp.rawValue
      tasks = dag.tasks.count
      location = dag.location
    }
  }

  static func choice(_ global: GlobalOptions) throws -> DAGChoice {
    DAGChoice(project: try Project(directory: URL(fileURLWithPath: global.project)))
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The DAGs of the project.")
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let choice = try DAGsCommand.choice(global)
      try global.console.list(
        choice.dags.map(Summary.init),
        empty: "project \(choice.projectName) has no DAG: add one to dags/AllDAGs.swift",
        [
          TableColumn("dag") { $0.name },
          TableColumn("schedule") { $0.schedule },
          TableColumn("catch-up") { $0.catchUp },
          TableColumn(number: "tasks") { "\($0.tasks)" },
          TableColumn("defined in") { $0.location },
        ])
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One DAG with its tasks.")
    @Argument(help: "The DAG's name.") var dag: String
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let dag = try DAGsCommand.choice(global).find(dag)
      let console = global.console
      if console.json { return try console.print(json: try dag.snapshot()) }
      let snapshot = try dag.snapshot()
      console.print("\(snapshot.name): \(snapshot.schedule), catch-up \(snapshot.catchUp.rawValue)")
      if let summary = snapshot.summary { console.print(summary) }
      for note in snapshot.notes { console.print("  \(note)") }
      if !snapshot.params.isEmpty {
        console.print()
        try console.list(snapshot.params, empty: "", Self.paramColumns)
      }
      console.print()
      try console.list(snapshot.tasks, empty: "", Self.taskColumns(of: snapshot))
    }

    private static let paramColumns = [
      TableColumn<Param>("param") { $0.name },
      TableColumn("takes") { $0.type.words },
      TableColumn("default") { $0.default.map(\.canonicalText) ?? "required" },
      TableColumn("summary") { $0.summary ?? "" },
    ]

    /// The columns that say something about the tasks of this DAG.
    private static func taskColumns(of snapshot: DAGSnapshot) -> [TableColumn<TaskDefinition>] {
      var columns = [
        TableColumn<TaskDefinition>("task") { $0.id },
        TableColumn("kind") { $0.kind },
        TableColumn("after") { $0.upstreams.joined(separator: ", ") },
        TableColumn("when") { $0.role.isTeardown ? "teardown" : $0.rule.rawValue },
        TableColumn(number: "retries") { "\($0.retries.count)" },
      ]
      if snapshot.tasks.contains(where: { $0.group != nil }) {
        columns.insert(TableColumn("group") { $0.group ?? "" }, at: 1)
      }
      if snapshot.tasks.contains(where: { !$0.notes.isEmpty }) {
        columns.append(TableColumn("notes") { $0.notes.joined(separator: "; ") })
      }
      return columns
    }
  }

  struct Graph: AsyncParsableCommand {
    enum Syntax: String, ExpressibleByArgument, CaseIterable { case dot, mermaid, svg }

    static let configuration = CommandConfiguration(abstract: "A DAG as a graph to draw.")
    @Argument(help: "The DAG's name.") var dag: String
    @Option(help: "dot (Graphviz), mermaid, or svg, a picture.") var format = Syntax.dot
    @Option(help: ArgumentHelp("Colour the tasks as they stand in this run.", valueName: "run"))
    var run: Int64?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let graph = try await graph()
      let text =
        switch format {
        case .dot: graph.dot()
        case .mermaid: graph.mermaid()
        case .svg: graph.svg()
        }
      Console.write(text, to: STDOUT_FILENO)
    }

    /// The DAG as it is defined, or as a run of it began, with its states.
    private func graph() async throws -> DAGGraph {
      guard let run else { return DAGGraph(try DAGsCommand.choice(global).find(dag).snapshot()) }
      let dag = dag
      return try await Session.open(global, limit: 1) { session in
        let store = RunStore(session.pool)
        let record = try await RunsCommand.find(run, store)
        guard record.dag == dag else {
          throw UsageError(
            message: "expected a run of \(dag), found run \(run) of \(record.dag)",
            hint: "strata runs list --dag \(dag)")
        }
        guard let snapshot = try await store.snapshot(record.snapshotHash) else {
          throw UsageError(message: "expected the definition of run \(run), found none")
        }
        let states = try await store.standings(of: run).map { ($0.task, $0.state) }
        return DAGGraph(snapshot, states: Dictionary(states, uniquingKeysWith: { $1 }))
      }
    }
  }

  struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every DAG of the project; exit code 2 where one is wrong.")
    @OptionGroup var global: GlobalOptions

    func run() throws {
      let dags = try DAGsCommand.choice(global).dags
      let problems = DAG.problems(in: dags)
      if global.json {
        try global.console.list(problems, empty: "", [TableColumn<DAGProblem>]())
      } else {
        for problem in problems { global.console.print(problem.description) }
      }
      if !problems.isEmpty { throw ExitCode(2) }
      global.console.note("\(dags.count) DAG\(dags.count == 1 ? "" : "s") checked, no problem")
    }
  }
}
