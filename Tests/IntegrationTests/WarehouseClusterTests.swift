import Foundation
import TestSupport
import Testing

@testable import Warehouse

/// Private clusters in folders of their own; each costs a second or two.
@Suite struct WarehouseClusterTests {
  private func withHome<T>(
    _ suffix: String = "", _ body: (String) async throws -> T
  ) async throws -> T {
    let home = "/tmp/strata-c-\(UInt32.random(in: .min ... .max))" + suffix
    let cluster = try EmbeddedCluster(home: home, durability: .none)
    let result: Result<T, any Error>
    do { result = .success(try await body(home)) } catch { result = .failure(error) }
    _ = try? await cluster.stop()
    try? FileManager.default.removeItem(atPath: cluster.layout.folder)
    try? FileManager.default.removeItem(atPath: cluster.layout.run)
    try? FileManager.default.removeItem(atPath: home)
    return try result.get()
  }

  private func ask(_ sql: SQL, _ options: ConnectionOptions) async throws -> String {
    let connection = try await Connection.connect(options)
    let row = try await connection.first(sql)
    await connection.close()
    return try #require(row).get(0)
  }

  @Test func lifeOfACluster() async throws {
    try await withHome { home in
      let cluster = try EmbeddedCluster(home: home, durability: .none)
      #expect(cluster.status().state == .absent)
      #expect(try await cluster.stop() == false)
      let options = try await cluster.start()
      let status = cluster.status()
      #expect(status.state == .running)
      #expect(status.process != nil)
      #expect(status.folder == cluster.layout.folder)
      #expect(status.version == cluster.dataVersion())
      #expect(try await ask("SHOW data_checksums", options) == "on")
      #expect(try await ask("SHOW listen_addresses", options) == "")
      #expect(try await ask("SHOW lc_collate", options) == "C")
      #expect(try await ask("SELECT 'é' || upper('é')", options) == "éÉ")
      var facts = stat()
      #expect(stat(cluster.layout.run, &facts) == 0)
      #expect(facts.st_mode & 0o777 == 0o700)

      // Started again, it answers at once; its databases are there after a stop and a start.
      _ = try await cluster.start()
      #expect(cluster.status().process == status.process)
      #expect(try await cluster.createDatabase("shop's \"one\""))
      #expect(try await cluster.createDatabase("shop's \"one\"") == false)
      let shop = cluster.options(database: "shop's \"one\"")
      #expect(try await ask("SELECT current_database()::text", shop) == "shop's \"one\"")
      let url = ConnectionOptions(cluster.url(database: "shop's \"one\""))
      #expect(try await ask("SELECT current_database()::text", url) == "shop's \"one\"")
      let made = try await Connection.connect(shop)
      try await made.script("CREATE TABLE t AS SELECT 'kept'::text AS a")
      #expect(try await cluster.stop())
      await made.close()
      #expect(cluster.status().state == .stopped)
      #expect(cluster.status().process == nil)
      #expect(try await cluster.stop() == false)
      _ = try await cluster.start()
      #expect(try await ask("SELECT a FROM t", shop) == "kept")

      // kill -9: the next start recovers what was committed.
      let victim = try #require(cluster.status().process)
      #expect(kill(victim, SIGKILL) == 0)
      while kill(victim, 0) == 0 { await Task.yield() }
      #expect(cluster.status().state == .crashed)
      _ = try await cluster.start()
      #expect(try await ask("SELECT a FROM t", shop) == "kept")
      #expect(cluster.status().process != victim)

      // A stale file whose process number now belongs to another program: this one.
      #expect(try await cluster.stop())
      let stale =
        [
          "\(getpid())", cluster.layout.data, "1", "5432", cluster.layout.run, "", " 0 0", "ready",
        ].joined(separator: "\n") + "\n"
      try stale.write(toFile: cluster.layout.processFile, atomically: false, encoding: .utf8)
      #expect(chown(cluster.layout.processFile, cluster.owner.user, cluster.owner.group) == 0)
      #expect(cluster.status().state == .crashed)
      _ = try await cluster.start()
      #expect(try await ask("SELECT a FROM t", shop) == "kept")
    }
  }

  @Test func concurrentCommandsStartOneServer() async throws {
    try await withHome { home in
      let processes = try await withThrowingTaskGroup(of: Int32?.self) { group in
        for _ in 0..<6 {
          group.addTask {
            let cluster = try EmbeddedCluster(home: home, durability: .none)
            let connection = try await Connection.connect(try await cluster.start())
            let row = try await connection.first("SELECT 1")
            await connection.close()
            return row == nil ? nil : cluster.status().process
          }
        }
        return try await group.reduce(into: Set<Int32?>()) { $0.insert($1) }
      }
      #expect(processes.count == 1)
      #expect(!processes.contains(nil))
    }
  }

  @Test func longPathsWork() async throws {
    try await withHome("-" + String(repeating: "long", count: 30)) { home in
      let cluster = try EmbeddedCluster(home: home, durability: .none)
      #expect(try await ask("SELECT 'ok'", try await cluster.start()) == "ok")
      #expect(cluster.status().socketFolder.hasPrefix("/tmp/strata-"))
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root's server runs as another user"))
  func aHomeThatTheServerCannotReachMoves() async throws {
    let parent = "/tmp/strata-closed-\(UInt32.random(in: .min ... .max))"
    #expect(mkdir(parent, 0o700) == 0)
    let cluster = try EmbeddedCluster(home: parent + "/project/.strata", durability: .none)
    #expect(try await ask("SELECT 'ok'", try await cluster.start()) == "ok")
    let status = cluster.status()
    #expect(status.folder.hasPrefix("/var/lib/strata/"))
    #expect(status.reason?.contains(parent) == true)
    #expect(try await cluster.stop())
    try FileManager.default.removeItem(atPath: cluster.layout.folder)
    try FileManager.default.removeItem(atPath: parent)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
  func dataOfSomebodyElseIsRefused() async throws {
    try await withHome { home in
      let cluster = try EmbeddedCluster(home: home, durability: .none)
      try ClusterFiles.createOpen(cluster.layout.data)
      let version = try #require(await ServerBinaries.installed().first).major
      try "\(version)\n".write(
        toFile: cluster.layout.data + "/PG_VERSION", atomically: false, encoding: .utf8)
      #expect(chown(cluster.layout.data, 12_345, 12_345) == 0)
      let error = await #expect(throws: WarehouseError.self) { try await cluster.start() }
      #expect(error?.code == "warehouse.wrong_owner")
      #expect(error?.message.contains("12345") == true)
    }
  }

  @Test func otherVersionsOfTheDataAreRefused() async throws {
    try await withHome { home in
      let cluster = try EmbeddedCluster(home: home, durability: .none)
      try ClusterFiles.createOpen(cluster.layout.data)
      try "9\n".write(
        toFile: cluster.layout.data + "/PG_VERSION", atomically: false, encoding: .utf8)
      let error = await #expect(throws: WarehouseError.self) { try await cluster.start() }
      #expect(error?.code == "warehouse.data_version")
    }
  }

  @Test func missingProgramsAreNamed() async throws {
    try await withHome { home in
      let cluster = try EmbeddedCluster(
        home: home, environment: ["STRATA_PG_BIN": "/nonexistent"])
      let error = await #expect(throws: WarehouseError.self) { try await cluster.start() }
      #expect(error?.code == "warehouse.no_server_binaries")
      #expect(error?.hint?.contains("STRATA_PG_BIN") == true)
      #expect(cluster.status().state == .absent)
    }
  }

  /// The server may not write files above 24 MiB, so a table of that size is a full disk.
  @Test func aFullDiskIsAFaultAndTheServerGoesOn() async throws {
    try await withHome { home in
      let real = try #require(await ServerBinaries.installed().first)
      let bin = home + "/bin"
      try ClusterFiles.createOpen(bin)
      for name in ["postgres", "initdb", "pg_ctl"] {
        let limit = name == "pg_ctl" ? "ulimit -f 49152; " : ""
        try "#!/bin/sh\n\(limit)exec '\(real.path(name))' \"$@\"\n".write(
          toFile: "\(bin)/\(name)", atomically: false, encoding: .utf8)
        #expect(chmod("\(bin)/\(name)", 0o755) == 0)
      }
      let cluster = try EmbeddedCluster(
        home: home, durability: .none,
        environment: ["STRATA_PG_BIN": bin, "PATH": "/usr/bin:/bin"])
      let pool = ConnectionPool(try await cluster.start())
      try await pool.execute("CREATE TABLE t (a text)")
      let error = await #expect(throws: WarehouseError.self) {
        try await pool.withConnection { connection in
          try await connection.copyIn("COPY t FROM STDIN") { writer in
            let row = String(repeating: "x", count: 1000) + "\n"
            let piece = String(repeating: row, count: 100)
            for _ in 0..<400 { try await writer.write(piece) }
          }
        }
      }
      #expect(error?.code == "warehouse.disk_full")
      #expect(error?.hint?.contains("space") == true)
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 0)
      await pool.close()
    }
  }

  /// Programs that fail as the real ones do, with what they print.
  @Test(arguments: [
    ("creating directory ... boom", "warehouse.initdb_failed"),
    ("could not write: No space left on device", "warehouse.disk_full"),
  ])
  func initdbFailuresShowItsOutput(output: String, code: String) async throws {
    try await withHome { home in
      let bin = home + "/bin"
      try ClusterFiles.createOpen(bin)
      for (name, text) in [
        ("postgres", "echo 'postgres (PostgreSQL) 15.1'"),
        ("initdb", "echo '\(output)' >&2; exit 1"), ("pg_ctl", "exit 1"),
      ] {
        try "#!/bin/sh\n\(text)\n".write(
          toFile: "\(bin)/\(name)", atomically: false, encoding: .utf8)
        #expect(chmod("\(bin)/\(name)", 0o755) == 0)
      }
      let cluster = try EmbeddedCluster(
        home: home, environment: ["STRATA_PG_BIN": bin, "PATH": "/usr/bin:/bin"])
      let error = try #require(
        await #expect(throws: WarehouseError.self) { try await cluster.start() })
      #expect(error.code == code)
      #expect(error.debugDescription.contains(output))
      #expect(error.hint != nil)
      // Nothing half-made is left: the next start begins anew.
      #expect(cluster.status().state == .absent)
    }
  }
}
