import ArgumentParser
import Orchestrator
import Pipeline
import Schedules

extension DAGsCommand {
  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a DAG's schedule make no runs; manual runs and backfills go on.")
    @Argument(help: "The DAG's name.") var dag: String
    @Option(help: ArgumentHelp("Why, noted with it.", valueName: "text")) var message: String?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (name, message) = (dag, message)
      try await Session.open(global, limit: 1) { session in
        let dag = try DAGChoice(project: session.project).find(name)
        let status = try await SchedulePausing(
          session.pool, zone: session.project.zone, author: Author(message: message)
        ).pause(dag.name)
        if session.console.json { return try session.console.print(json: status) }
        let since = status.pausedAt.map { Moment.local($0, in: session.project.zone) } ?? ""
        session.console.print("\(dag.name) is paused since \(since)")
      }
    }
  }

  struct Unpause: AsyncParsableCommand {
    struct Outcome: Encodable {
      let preview: UnpausePreview
      let isUnpaused: Bool
    }

    static let configuration = CommandConfiguration(
      abstract: "Let a paused schedule go on; shows the runs that it would make at once.",
      discussion: "Where it would make any, nothing is changed without --yes.")
    @Argument(help: "The DAG's name.") var dag: String
    @Flag(help: "Go on, and make these runs.") var yes = false
    @Option(help: ArgumentHelp("Why, noted with it.", valueName: "text")) var message: String?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (name, message, yes) = (dag, message, yes)
      try await Session.open(global, limit: 1) { session in
        let (console, zone) = (session.console, session.project.zone)
        let dag = try DAGChoice(project: session.project).find(name)
        let pausing = SchedulePausing(session.pool, zone: zone, author: Author(message: message))
        let preview = try await pausing.unpausePreview(dag)
        let goesOn = yes || preview.runs.isEmpty
        if goesOn { _ = try await pausing.unpause(dag.name) }
        if console.json {
          return try console.print(json: Outcome(preview: preview, isUnpaused: goesOn))
        }
        for run in preview.runs { console.print("  \(Moment.interval(run.interval, in: zone))") }
        let count =
          "\(preview.runs.count)\(preview.isLimited ? " or more" : "") "
          + "run\(preview.runs.count == 1 ? "" : "s")"
        if goesOn {
          let next = preview.nextFire.map { "; the next is due \(Moment.local($0, in: zone))" }
          console.print("\(dag.name) is scheduled, with \(count) at once\(next ?? "")")
        } else {
          console.print("\(dag.name) would make \(count) at once; nothing was changed")
          console.note("go on with: strata dags unpause \(dag.name) --yes")
        }
      }
    }
  }
}

/// `strata pools …`: slots that attempts share over all runs and hosts.
struct PoolsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pools", abstract: "Slots that tasks share over all runs and hosts.",
    subcommands: [List.self, Change.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The pools and their use.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        try session.console.list(
          try await Pools(session.pool).list(), empty: "no pools; a task names one in its policy",
          [
            TableColumn("pool") { $0.pool },
            TableColumn(number: "slots") { "\($0.slots)" },
            TableColumn(number: "used") { "\($0.used)" },
            TableColumn(number: "waiting") { "\($0.waiting)" },
            TableColumn("note") { $0.note ?? "" },
          ])
      }
    }
  }

  struct Change: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Make a pool, or give one another size.")
    @Argument(help: "The pool's name.") var name: String
    @Argument(help: "Slots in all; 0 holds its tasks back.") var slots: Int
    @Option(help: ArgumentHelp("What it protects.", valueName: "text")) var note: String?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (name, slots, note) = (name, slots, note)
      try await Session.open(global, limit: 1) { session in
        try await Pools(session.pool).set(name, slots: slots, note: note)
        let pool = try await Pools(session.pool).list().first { $0.pool == name }
        if session.console.json { return try session.console.print(json: pool) }
        session.console.print("pool \(name): \(slots) slot\(slots == 1 ? "" : "s")")
      }
    }
  }
}
