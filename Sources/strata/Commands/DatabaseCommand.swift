import ArgumentParser
import Foundation
import Schedules
import Tasks
import Warehouse

/// `strata db …`: the embedded cluster and the project's database.
struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db", abstract: "The embedded cluster and the project's database.",
    subcommands: [
      Start.self, Stop.self, Status.self, URLCommand.self, PSQL.self, Migrate.self,
      PruneCommand.self,
    ])

  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start the embedded cluster; nothing happens where it runs.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let cluster = try EmbeddedCluster(home: Home.url.path)
      try await cluster.start()
      try Status.show(cluster, global.console)
    }
  }

  struct Stop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Stop the embedded cluster; open transactions are rolled back.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let stopped = try await EmbeddedCluster(home: Home.url.path).stop()
      global.console.note(stopped ? "stopped" : "it was not running")
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Where the embedded cluster is, and whether it runs.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try Self.show(EmbeddedCluster(home: Home.url.path), global.console)
    }

    private struct Facts: Encodable {
      let state: String
      let folder: String
      let reason: String?
      let socketFolder: String
      let logFolder: String
      let process: Int32?
      let startedAt: Instant?
      let version: Int?
      let owner: String
    }

    static func show(_ cluster: EmbeddedCluster, _ console: Console) throws {
      let status = cluster.status()
      let facts = Facts(
        state: status.state.rawValue, folder: status.folder, reason: status.reason,
        socketFolder: status.socketFolder, logFolder: status.logFolder, process: status.process,
        startedAt: status.startedAt, version: status.version, owner: status.owner)
      if console.json { return try console.print(json: facts) }
      var lines = ["state    \(facts.state)", "folder   \(facts.folder)"]
      if let reason = facts.reason { lines.append("         (\(reason))") }
      lines += ["socket   \(facts.socketFolder)", "logs     \(facts.logFolder)"]
      if let process = facts.process { lines.append("process  \(process)") }
      if let started = facts.startedAt { lines.append("since    \(started)") }
      if let version = facts.version { lines.append("version  PostgreSQL \(version)") }
      lines.append("owner    \(facts.owner)")
      console.print(lines.joined(separator: "\n"))
    }
  }

  struct URLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "url", abstract: "The URL of the project's database, for other programs.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      if let url = Session.databaseURL(global) { return global.console.print(url) }
      let cluster = try EmbeddedCluster(home: Home.url.path)
      global.console.print(cluster.url(database: project.name))
    }
  }

  struct PSQL: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "psql", abstract: "A psql session in the project's database.",
      discussion: "Arguments after -- go to psql: strata db psql -- -c 'SELECT 1'.")
    @Argument(parsing: .postTerminator, help: "Arguments for psql.")
    var arguments: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let options = try await Session.options(global, project: project)
      let invocation = try options.psqlInvocation()
      for (name, value) in invocation.environment { setenv(name, value, 1) }
      // psql takes this process's place, so that it owns the terminal and the exit code.
      let words = ["psql"] + invocation.arguments + arguments
      var pointers = words.map { strdup($0) } + [nil]
      execvp("psql", &pointers)
      throw UsageError(
        message: "psql could not be started: \(String(cString: strerror(errno)))",
        hint: "install it (Debian: postgresql-client) or put it on the PATH")
    }
  }

  struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Bring the project's database up to this binary's schema.")
    @Flag(help: "Only list what is pending; exit code 5 where something is.")
    var check = false
    @Flag(help: "Only say what would be done, step by step.")
    var plan = false
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      if check, plan { throw ValidationError("expected --check or --plan, found both") }
    }

    /// A pending step, with what its first comment says of it.
    private struct Step: Encodable {
      let file: String
      let summary: String
      let lines: Int

      init(_ step: Migration) {
        file = step.file
        let text = step.text.split(separator: "\n", omittingEmptySubsequences: false)
        summary = text.prefix { $0.hasPrefix("--") }.map { $0.drop { "- ".contains($0) } }
          .joined(separator: " ")
        lines = text.count
      }
    }

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let console = global.console
      let pool = ConnectionPool(try await Session.options(global, project: project), limit: 2)
      let pending: Int
      do {
        let migrator = Migrator(pool)
        if check || plan {
          let steps = try await migrator.check()
          if plan || console.json {
            try console.list(
              steps.map(Step.init), empty: "up to date",
              [
                TableColumn("step") { $0.file },
                TableColumn(number: "lines") { "\($0.lines)" },
                TableColumn("what it does") { $0.summary },
              ])
          } else {
            for step in steps { console.print("pending \(step.file)") }
          }
          pending = check ? steps.count : 0
        } else {
          let steps = try await migrator.migrate()
          for step in steps { console.print("applied \(step.file)") }
          if steps.isEmpty { console.note("up to date") }
          pending = 0
        }
        await pool.close()
      } catch {
        await pool.close()
        throw error
      }
      if pending > 0 { throw ExitCode(5) }
      if check { console.note("up to date") }
    }
  }
}
