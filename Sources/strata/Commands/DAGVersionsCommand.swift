import ArgumentParser
import Orchestrator
import Pipeline
import Schedules

/// `strata dags versions DAG`: every definition that its runs began with.
struct DAGVersionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "versions", abstract: "The definitions that a DAG was run with.",
    discussion: "A run keeps the definition that it began with, whatever the DAG says later.")

  @Argument(help: "The DAG's name.") var dag: String
  @OptionGroup var global: GlobalOptions

  private struct Version: Encodable {
    let hash: String
    let isCurrent: Bool
    let firstUsedAt: Instant
    let lastUsedAt: Instant?
    let runs: Int64
  }

  func run() async throws {
    let name = dag
    try await Session.open(global, limit: 1) { session in
      let choice = DAGChoice(project: session.project)
      let recorded = try await RunStore(session.pool).versions(of: name)
      // A DAG that is gone still has versions; one that nobody ever ran has none.
      if recorded.isEmpty { _ = try choice.find(name) }
      let current = try choice.dags.first { $0.name == name }?.snapshot().json().hash
      let zone = session.project.zone
      try session.console.list(
        recorded.map {
          Version(
            hash: $0.hash, isCurrent: $0.hash == current, firstUsedAt: $0.firstUsedAt,
            lastUsedAt: $0.lastUsedAt, runs: $0.runs)
        }, empty: "no run of \(name) has begun yet",
        [
          TableColumn("definition") { String($0.hash.prefix(12)) + ($0.isCurrent ? " *" : "") },
          TableColumn("first used") { Moment.local($0.firstUsedAt, in: zone) },
          TableColumn("last used") { $0.lastUsedAt.map { Moment.local($0, in: zone) } ?? "-" },
          TableColumn(number: "runs") { Format.count($0.runs) },
        ])
      if !recorded.contains(where: { $0.hash == current }), current != nil {
        session.console.note("today's definition has not been run yet")
      }
    }
  }
}
