import Foundation
import Warehouse

/// Runs `body` on a migrated database of its own, dropped afterwards.
///
/// The database is a clone of a template that all tests of all processes share (about 30 ms). Only
/// so many tests have databases at once; the others wait for their turn.
///
/// - Parameters:
///   - limit: the most connections of the pool.
///   - migrated: false for an empty database.
public func withFreshDatabase<T: Sendable>(
  limit: Int = 8, migrated: Bool = true,
  _ body: nonisolated(nonsending) (ConnectionPool) async throws -> T
) async throws -> T {
  // A test that has a database may have another at once.
  if TestPlaces.isTaken { return try await withDatabase(limit, migrated, body) }
  await TestPlaces.shared.take()
  do {
    let value = try await TestPlaces.$isTaken.withValue(true) {
      try await withDatabase(limit, migrated, body)
    }
    await TestPlaces.shared.give()
    return value
  } catch {
    await TestPlaces.shared.give()
    throw error
  }
}

private func withDatabase<T: Sendable>(
  _ limit: Int, _ migrated: Bool,
  _ body: nonisolated(nonsending) (ConnectionPool) async throws -> T
) async throws -> T {
  let database = try await FreshDatabases.shared.create(migrated: migrated)
  let pool = ConnectionPool(database.options, limit: limit)
  do {
    let value = try await body(pool)
    await pool.close()
    try await FreshDatabases.shared.drop(database)
    return value
  } catch {
    await pool.close()
    try? await FreshDatabases.shared.drop(database)
    throw error
  }
}

/// How many tests may have databases at once: hundreds begin together, and more than a few for each
/// processor only wait for each other, past the limits of time that they are about.
private actor TestPlaces {
  static let shared = TestPlaces()
  @TaskLocal static var isTaken = false

  private var free = max(8, 6 * ProcessInfo.processInfo.activeProcessorCount)
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func give() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

/// The cluster that the tests share: started on demand, durability off, left running.
///
/// In `STRATA_TEST_HOME`, else in a folder under the system's temporary folder, named after the
/// package's folder.
public func testCluster() async throws -> EmbeddedCluster {
  try await FreshDatabases.shared.cluster()
}

/// A database made by ``withFreshDatabase(limit:migrated:_:)``.
struct FreshDatabase: Sendable {
  let name: String
  let options: ConnectionOptions
}

/// Makes and drops databases.
actor FreshDatabases {
  static let shared = FreshDatabases()
  /// The key of the advisory lock that guards the making of templates.
  private static let lock: Int64 = 0x7465_6D70_6C61_7465

  private struct Ready: Sendable {
    let cluster: EmbeddedCluster
    let maintenance: ConnectionPool
    let template: String
  }

  private var preparation: Task<Ready, any Error>?
  private var made = 0

  func cluster() async throws -> EmbeddedCluster { try await ready().cluster }

  func create(migrated: Bool) async throws -> FreshDatabase {
    let ready = try await ready()
    made += 1
    let salt = String(UInt32.random(in: .min ... .max), radix: 36)
    let name = "strata_test_\(getpid())_\(made)_\(salt)"
    try await ready.maintenance.execute(
      "CREATE DATABASE \(identifier: name) TEMPLATE \(identifier: migrated ? ready.template : "template0")"
    )
    return FreshDatabase(name: name, options: ready.cluster.options(database: name))
  }

  func drop(_ database: FreshDatabase) async throws {
    try await ready().maintenance.execute(
      "DROP DATABASE IF EXISTS \(identifier: database.name) WITH (FORCE)")
  }

  private func ready() async throws -> Ready {
    if let preparation { return try await preparation.value }
    let task = Task { try await Self.prepare() }
    preparation = task
    return try await task.value
  }

  /// Starts the cluster and makes the template where the migrations have changed.
  private static func prepare() async throws -> Ready {
    let cluster = try EmbeddedCluster(home: home(), durability: .none)
    let options = try await cluster.start()
    let maintenance = ConnectionPool(options, limit: 4, patience: .seconds(3600))
    let migrations = try Migration.catalogue()
    let template = "strata_template_" + String(checksum(migrations), radix: 36)
    try await maintenance.withConnection { connection in
      try await connection.execute("SELECT pg_advisory_lock(\(lock))")
      do {
        try await clean(connection, keeping: template)
        let known = try await connection.first(
          "SELECT 1 FROM pg_database WHERE datname = \(template)")
        if known == nil { try await make(template, migrations, on: connection, cluster) }
        try await connection.execute("SELECT pg_advisory_unlock(\(lock))")
      } catch {
        // The lock goes with the session.
        await connection.close()
        throw error
      }
    }
    return Ready(cluster: cluster, maintenance: maintenance, template: template)
  }

  /// Migrates a draft and then gives it its name, so that a half-made template is never cloned.
  private static func make(
    _ template: String, _ migrations: [Migration], on connection: Connection,
    _ cluster: EmbeddedCluster
  ) async throws {
    let draft = template + "_draft"
    try await connection.execute("DROP DATABASE IF EXISTS \(identifier: draft) WITH (FORCE)")
    try await connection.execute("CREATE DATABASE \(identifier: draft) TEMPLATE template0")
    let pool = ConnectionPool(cluster.options(database: draft), limit: 1)
    do {
      try await Migrator(pool, migrations: migrations).migrate()
    } catch {
      await pool.close()
      throw error
    }
    await pool.close()
    // The server may take a moment to end the session that was just closed.
    try await connection.execute(
      """
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = \(draft)
      """)
    try await connection.execute(
      "ALTER DATABASE \(identifier: draft) RENAME TO \(identifier: template)")
  }

  /// Drops what crashed test processes left behind, and templates of other migrations that are a
  /// day old; newer ones may belong to another work tree.
  private static func clean(_ connection: Connection, keeping template: String) async throws {
    let names = try await connection.query(
      """
      SELECT datname::text AS name, (pg_stat_file('base/' || oid || '/PG_VERSION')).modification
        < now() - interval '1 day' AS old
      FROM pg_database WHERE datname LIKE 'strata\\_te%'
      """)
    for row in names {
      let name: String = try row.get("name")
      let parts = name.split(separator: "_")
      var stale = false
      if name.hasPrefix("strata_test_"), parts.count > 2, let process = pid_t(parts[2]) {
        stale = kill(process, 0) != 0 && errno == ESRCH
      } else if name != template, name.hasPrefix("strata_template_") {
        stale = try row.get("old")
      }
      if stale {
        try await connection.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
      }
    }
  }

  private static func home() -> String {
    if let home = ProcessInfo.processInfo.environment["STRATA_TEST_HOME"], !home.isEmpty {
      return home
    }
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    return FileManager.default.temporaryDirectory.path
      + "/strata-test-" + String(hash(package), radix: 36)
  }

  private static func checksum(_ migrations: [Migration]) -> UInt64 {
    hash(migrations.map { "\($0.file) \($0.checksum)" }.joined(separator: "\n"))
  }

  /// FNV-1a, 64 bits: the same in every process, which Swift's own hashes are not.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
