import ArgumentParser
import DAGs
import Foundation
import Pipeline
import Tasks
import Warehouse

/// `strata doctor`: what is wrong here, and how to mend it.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "What is wrong here, and how to mend it.",
    discussion: "Changes nothing and starts nothing. Exit code 5 where a check failed.")
  @OptionGroup var global: GlobalOptions

  struct Finding: Encodable {
    let check: String
    let ok: Bool
    let found: String
    let hint: String?
  }

  func run() async throws {
    var findings: [Finding] = []
    func look(_ check: String, _ body: () async throws -> String) async {
      do {
        findings.append(Finding(check: check, ok: true, found: try await body(), hint: nil))
      } catch {
        let fault = Fault(of: error)
        findings.append(
          Finding(
            check: check, ok: false, found: fault?.message ?? "\(error)", hint: fault?.hint))
      }
    }
    await look("project") {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      return "\(project.name) in \(project.directory.path), zone \(project.zone.name)"
    }
    await look("definitions") {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let catalogues = Catalogues(project: project)
      let sources = try catalogues.sources().sources.count
      let features = try catalogues.features()
      let segments = try catalogues.segments(features: features).segments.count
      let models = try catalogues.models(features: features)?.models.count ?? 0
      let dags = allDAGs[project.name] ?? []
      if let problem = DAG.problems(in: dags).first { throw UsageError(message: "\(problem)") }
      return "\(dags.count) DAGs, \(sources) sources, \(features.declared.count) features, "
        + "\(segments) segments, \(models) models"
    }
    if let url = Session.databaseURL(global) {
      await look("database") { try await ask(ConnectionOptions(url)) }
    } else {
      await look("server binaries") {
        guard let binaries = await ServerBinaries.installed().first else {
          throw UsageError(
            message: "expected a PostgreSQL server, found none", hint: "run: make deps")
        }
        return "PostgreSQL \(binaries.major) in \(binaries.folder)"
      }
      await look("embedded cluster") {
        let status = try EmbeddedCluster(home: Home.url.path).status()
        return "\(status.state.rawValue), in \(status.folder)"
      }
    }
    let console = global.console
    if console.json {
      try console.print(json: findings)
    } else {
      for finding in findings {
        let mark =
          finding.ok
          ? Style.green("ok  ", if: console.out.colour) : Style.red("bad ", if: console.out.colour)
        console.print("\(mark) \(finding.check): \(finding.found)")
        if let hint = finding.hint { console.print("     hint: \(hint)") }
      }
    }
    if findings.contains(where: { !$0.ok }) { throw ExitCode(5) }
  }

  private func ask(_ options: ConnectionOptions) async throws -> String {
    let pool = ConnectionPool(options, limit: 1)
    do {
      let row = try await pool.first("SELECT current_setting('server_version') AS version")
      let pending = try await Migrator(pool).check()
      await pool.close()
      let version = try row?.get("version", as: String.self) ?? "unknown"
      return "PostgreSQL \(version), \(options), \(pending.count) migrations pending"
    } catch {
      await pool.close()
      throw error
    }
  }
}
