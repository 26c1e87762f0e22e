import ArgumentParser
import Foundation
import Tasks
import Warehouse

/// `strata db …`: the embedded cluster and the project's database.
struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db", abstract: "The embedded cluster and the project's database.",
    subcommands: [Start.self, Stop.self, Status.self, URLCommand.self, PSQL.self, Migrate.self])

  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start the embedded cluster; nothing happens where it runs.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let cluster = EmbeddedCluster(home: Home.url.path)
      _ = try await cluster.start { global.console.note($0) }
      try await Status.show(cluster, global.console)
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
      try await Self.show(EmbeddedCluster(home: Home.url.path), global.console)
    }

    static func show(_ cluster: EmbeddedCluster, _ console: Console) async throws {
      let status = try await cluster.status()
      if console.json { return try console.print(json: status) }
      console.print(status.description)
    }
  }

  struct URLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "url", abstract: "The project's database as libpq's key=value words.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let options = try await Session.options(global, project: project)
      global.console.print(options.description)
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
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let project = try Project(directory: URL(fileURLWithPath: global.project))
      let console = global.console
      let pool = ConnectionPool(try await Session.options(global, project: project), limit: 2)
      let pending: Int
      do {
        let migrator = Migrator(pool)
        if check {
          let steps = try await migrator.check()
          for step in steps { console.print("pending \(step.name)") }
          pending = steps.count
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
