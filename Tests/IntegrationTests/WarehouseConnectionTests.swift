import Schedules
import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseConnectionTests {
  private struct Stop: Error, Equatable {}

  @Test func sessionsStartWithTheDefaults() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let row = try #require(
        try await pool.first(
          """
          SELECT current_setting('TimeZone') AS zone, current_setting('DateStyle') AS style,
            current_setting('jit') AS jit, current_setting('client_encoding') AS encoding,
            current_setting('application_name') AS name
          """))
      #expect(try row.get("zone", as: String.self) == "UTC")
      #expect(try row.get("style", as: String.self).hasPrefix("ISO"))
      #expect(try row.get("jit", as: String.self) == "off")
      #expect(try row.get("encoding", as: String.self) == "UTF8")
      #expect(try row.get("name", as: String.self) == "strata")
    }
  }

  @Test func theUserMayOverrideThem() async throws {
    let cluster = try await testCluster()
    let connection = try await Connection.connect(
      ConnectionOptions(
        cluster.url() + "&application_name=mine&options=-c%20TimeZone%3DEurope/Lisbon"))
    let row = try #require(
      try await connection.first(
        "SELECT current_setting('TimeZone') AS zone, current_setting('application_name') AS name"))
    #expect(try row.get("zone", as: String.self) == "Europe/Lisbon")
    #expect(try row.get("name", as: String.self) == "mine")
    #expect(await connection.reportedSetting("TimeZone") == "Europe/Lisbon")
    await connection.close()
  }

  @Test func rowsAndCountsComeBack() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await connection.script(
          """
          CREATE TABLE t (a bigint, b text);
          INSERT INTO t VALUES (1, 'one'), (2, 'two');
          """)
        #expect(try await connection.execute("INSERT INTO t VALUES (\(3), \("three"))") == 1)
        #expect(try await connection.execute("UPDATE t SET b = upper(b) WHERE a > \(1)") == 2)
        #expect(try await connection.execute("CREATE INDEX ON t (a)") == 0)
        let rows = try await connection.query("SELECT * FROM t ORDER BY a")
        #expect(try rows.map { try $0.get("b", as: String.self) } == ["one", "TWO", "THREE"])
        #expect(try await connection.first("SELECT * FROM t WHERE a = \(9)") == nil)
        #expect(try await connection.query("").isEmpty)
      }
    }
  }

  @Test func faultsAreDescribed() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint PRIMARY KEY, b text NOT NULL)")
      try await pool.execute("INSERT INTO t VALUES (1, 'x')")
      let unique = try #require(
        await #expect(throws: WarehouseError.self) {
          try await pool.execute(
            ("INSERT INTO t VALUES (\(1), \("secret value"))" as SQL).named("insert_t"))
        })
      #expect(unique.code == "warehouse.unique_violation")
      #expect(unique.sqlState == "23505")
      #expect(unique.queryName == "insert_t")
      #expect(unique.constraint == "t_pkey")
      #expect(unique.table == "public.t")
      #expect(unique.detail?.contains("(a)=(1)") == true)
      #expect(!unique.description.contains("(a)=(1)"))
      #expect(unique.debugDescription.contains("(a)=(1)"))

      let null = await #expect(throws: WarehouseError.self) {
        try await pool.execute("INSERT INTO t (a) VALUES (2)")
      }
      #expect(null?.code == "warehouse.not_null_violation")
      #expect(null?.column == "b")

      let syntax = await #expect(throws: WarehouseError.self) {
        try await pool.query("SELECT 1\n  FRMO t WHERE b = 'hidden'")
      }
      #expect(syntax?.code == "warehouse.syntax_error")
      #expect(syntax?.position == .init(line: 2, column: 8))
      #expect(syntax?.excerpt == "FRMO t WHERE b = '…'")

      let script = await #expect(throws: WarehouseError.self) {
        try await pool.withConnection { connection in
          try await connection.script("SELECT 1;\nSELECT nothing FROM nowhere;", name: "seed.sql")
        }
      }
      #expect(script?.code == "warehouse.undefined_table")
      #expect(script?.position == .init(line: 2, column: 21))
      #expect(script?.queryName == "seed.sql")
      #expect(script?.excerpt == nil)
      #expect(try await pool.first("SELECT 1") != nil)
    }
  }

  @Test func closedConnectionsSaySo() async throws {
    let connection = try await Connection.connect(try await testCluster().options())
    #expect(await connection.serverProcess > 0)
    #expect(await connection.serverVersion >= 120_000)
    await connection.close()
    await connection.close()
    #expect(await connection.isUsable == false)
    let error = await #expect(throws: WarehouseError.self) {
      try await connection.query("SELECT 1")
    }
    #expect(error?.code == "warehouse.connection_closed")
  }

  @Test func unknownDatabaseAndServerAreDistinguished() async throws {
    let cluster = try await testCluster()
    let unknown = await #expect(throws: WarehouseError.self) {
      try await Connection.connect(cluster.options(database: "nobody_made_this"))
    }
    #expect(unknown?.code == "warehouse.unknown_database")
    var options = ConnectionOptions("host=/nonexistent/strata dbname=x user=postgres")
    options.backOff = .none
    let fixed = options
    let down = await #expect(throws: WarehouseError.self) {
      try await Connection.connect(fixed)
    }
    #expect(down?.code == "warehouse.unreachable")
    #expect(down?.hint != nil)
  }

  @Test func lostConnectionsAreNoticed() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { victim in
        let process = await victim.serverProcess
        try await pool.withConnection { killer in
          try await killer.execute("SELECT pg_terminate_backend(\(process), 5000)")
        }
        #expect(await victim.isUsable == false)
        let error = await #expect(throws: WarehouseError.self) {
          try await victim.query("SELECT 1")
        }
        #expect(error?.isTransientConnectionFailure == true)
      }
    }
  }

  @Test func noticesDoNotReachStandardError() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await connection.script("DO $$ BEGIN RAISE WARNING 'not for the terminal'; END $$")
      }
    }
  }

  @Test func aCopyIsNoQuery() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      try await pool.withConnection { connection in
        let error = await #expect(throws: WarehouseError.self) {
          try await connection.script("COPY t FROM STDIN")
        }
        #expect(error?.code == "warehouse.copy_as_query")
        let row = try await connection.first("SELECT 1")
        #expect(row != nil)
        await #expect(throws: WarehouseError.self) {
          try await connection.query("COPY t TO STDOUT")
        }
        #expect(await connection.isUsable == false)
      }
      #expect(try await pool.first("SELECT 1") != nil)
    }
  }
}
