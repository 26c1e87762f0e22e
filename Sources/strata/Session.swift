import Foundation
import Orchestrator
import Tasks
import Warehouse

/// The folder of the embedded cluster and of demo data: `$STRATA_HOME`, else `./.strata`.
enum Home {
  static var url: URL {
    let named = ProcessInfo.processInfo.environment["STRATA_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    let path =
      named ?? FileManager.default.currentDirectoryPath + "/.strata"
    return URL(fileURLWithPath: path).standardizedFileURL
  }

  /// Sets STRATA_HOME where it is not, so that paths in `sources.yaml` mean this folder in every
  /// command and task.
  static func settle() { setenv("STRATA_HOME", url.path, 1) }
}

/// A project and its database, opened for one command.
struct Session: Sendable {
  let console: Console
  let project: Project
  let pool: ConnectionPool

  /// Where the database is: `--database`, else `$STRATA_DATABASE_URL`; nil for the embedded one.
  static func databaseURL(_ global: GlobalOptions) -> String? {
    global.database
      ?? ProcessInfo.processInfo.environment["STRATA_DATABASE_URL"].flatMap {
        $0.isEmpty ? nil : $0
      }
  }

  /// How to reach the project's database; starts the embedded cluster where none is named.
  static func options(
    _ global: GlobalOptions, project: Project
  ) async throws -> ConnectionOptions {
    if let url = databaseURL(global) { return ConnectionOptions(url) }
    let cluster = try EmbeddedCluster(home: Home.url.path)
    let before = cluster.status()
    if before.state != .running {
      global.console.note(
        before.state == .absent
          ? "creating a PostgreSQL cluster in \(before.folder)" : "starting PostgreSQL")
    }
    try await cluster.start()
    return cluster.options(database: project.name)
  }

  /// Opens the project and its database, brings the schema up to date, and runs the body.
  ///
  /// A database that was named by URL is never migrated behind its owner's back.
  static func open<Result>(
    _ global: GlobalOptions, limit: Int = 8,
    _ body: (Session) async throws -> Result
  ) async throws -> Result {
    let project = try Project(directory: URL(fileURLWithPath: global.project))
    let options = try await options(global, project: project)
    let pool = ConnectionPool(options, limit: limit)
    let session = Session(console: global.console, project: project, pool: pool)
    do {
      try await session.prepare(embedded: databaseURL(global) == nil)
      try await session.settleLineage(global)
      let result = try await body(session)
      await pool.close()
      return result
    } catch {
      await pool.close()
      throw error
    }
  }

  private func prepare(embedded: Bool) async throws {
    let migrator = Migrator(pool)
    let pending: [Migration]
    do {
      pending = try await migrator.check()
    } catch let error as WarehouseError where embedded && error.code == "warehouse.unknown_database"
    {
      // The cluster's own databases are made when first asked for.
      try await EmbeddedCluster(home: Home.url.path).createDatabase(project.name)
      pending = try await migrator.check()
    }
    if let first = pending.first {
      guard embedded else {
        throw TaskError(
          code: "project.pending_migrations",
          message: "expected an up-to-date database, found \(pending.count) pending "
            + "migration\(pending.count == 1 ? "" : "s"), the first \(first.file)",
          hint: "run: strata db migrate")
      }
      for step in try await migrator.migrate() { console.note("migrated \(step.file)") }
    }
    try await pool.withConnection { try await project.claim($0) }
  }

  /// Runs DAGs of this project.
  func coordinator() throws -> RunCoordinator {
    RunCoordinator(
      pool: pool, registry: try TaskRegistry.all, projectDirectory: project.directory.path,
      zone: project.zone, retention: project.retention)
  }
}

extension TaskRegistry {
  /// Every kind, and this binary for attempts in processes of their own.
  static var all: TaskRegistry {
    get throws(OrchestratorError) {
      try TaskRegistry(allTaskKinds, attemptCommand: [Self.binary, AttemptCommand.name])
    }
  }

  private static var binary: String {
    // /proc is Linux's; elsewhere the bundle knows.
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? Bundle.main.executablePath ?? CommandLine.arguments[0]
  }
}

extension Project {
  /// How long what its runs leave behind is kept.
  var retention: RetentionPolicy {
    let usual = RetentionPolicy()
    let months = settings.retentionMonths
    return RetentionPolicy(
      attempts: months["attempts"] ?? usual.attempts, logs: months["logs"] ?? usual.logs,
      events: months["events"] ?? usual.events)
  }
}

extension Session {
  /// Sets what this process tells of lineage: `--lineage`, else `$STRATA_OPENLINEAGE`.
  fileprivate func settleLineage(_ global: GlobalOptions) async throws {
    let environment = ProcessInfo.processInfo.environment
    func variable(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    guard let text = global.lineage ?? variable("STRATA_OPENLINEAGE") else { return }
    let target = try LineageTarget(text)
    let row = try await pool.withConnection {
      try await $0.first(
        """
        SELECT current_database()::text AS database, current_setting('port') AS port,
          coalesce(host(inet_server_addr()), '') AS host
        """)
    }
    guard let row else { return }
    var host = try row.get("host", as: String.self)
    // A socket has no address: then the server is this machine.
    if host.isEmpty { host = ProcessInfo.processInfo.hostName }
    LineageOptions.bootstrap(
      LineageOptions(
        target: target, namespace: variable("OPENLINEAGE_NAMESPACE") ?? project.name,
        databaseNamespace: "postgres://\(host):\(try row.get("port", as: String.self))",
        database: try row.get("database", as: String.self), version: Version.text))
  }
}
