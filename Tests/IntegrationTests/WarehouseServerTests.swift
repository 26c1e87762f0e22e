import Foundation
import Schedules
import TestSupport
import Testing

@testable import Warehouse

/// A server on TCP with TLS and passwords: what libpq offers through URL, files and environment.
@Suite(.serialized) struct WarehouseServerTests {
  private static let password = "s3cr3t!/@:%"
  private static let encoded = "s3cr3t%21%2F%40%3A%25"

  private struct Server {
    let cluster: EmbeddedCluster
    let port: Int
    let folder: String

    func url(password: String = WarehouseServerTests.encoded, rest: String = "") -> String {
      "postgresql://ann:\(password)@127.0.0.1:\(port)/postgres\(rest)"
    }
  }

  private func withServer<T>(_ body: (Server) async throws -> T) async throws -> T {
    let port = try SilentServer.freePort()
    let home = "/tmp/strata-s-\(UInt32.random(in: .min ... .max))"
    let cluster = try EmbeddedCluster(
      home: home, durability: .none, environment: ProcessInfo.processInfo.environment,
      clock: SystemClock(), port: port, settings: ["listen_addresses": "127.0.0.1"])
    let server = Server(cluster: cluster, port: port, folder: home)
    let result: Result<T, any Error>
    do {
      try await prepare(server)
      result = .success(try await body(server))
    } catch { result = .failure(error) }
    _ = try? await cluster.stop()
    try? FileManager.default.removeItem(atPath: home)
    return try result.get()
  }

  /// A role with a password, a certificate for `localhost`, and TLS for everybody.
  private func prepare(_ server: Server) async throws {
    let layout = server.cluster.layout
    let options = try await server.cluster.start()
    let openssl = Process()
    openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    openssl.arguments = [
      "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
      layout.data + "/server.key", "-out", layout.data + "/server.crt",
    ]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    try #require(openssl.terminationStatus == 0)
    for name in ["/server.key", "/server.crt"] {
      let path = layout.data + name
      #expect(chmod(path, 0o600) == 0)
      #expect(chown(path, server.cluster.owner.user, server.cluster.owner.group) == 0)
    }
    let certificate = try String(contentsOfFile: layout.data + "/server.crt", encoding: .utf8)
    try certificate.write(
      toFile: server.folder + "/root.crt", atomically: false, encoding: .utf8)
    let rules = layout.data + "/pg_hba.conf"
    let old = try String(contentsOfFile: rules, encoding: .utf8)
    try ("hostssl all ann 127.0.0.1/32 scram-sha-256\n" + old).write(
      toFile: rules, atomically: false, encoding: .utf8)
    let connection = try await Connection.connect(options)
    try await connection.script(
      "CREATE ROLE ann LOGIN PASSWORD \(SQL.quoted(literal: Self.password))")
    try await connection.script("ALTER SYSTEM SET ssl = on")
    try await connection.execute("SELECT pg_reload_conf()")
    // The postmaster reads its files a moment after the signal; a new session shows it.
    while try await connection.first("SELECT 1 WHERE current_setting('ssl') = 'on'") == nil {
      try await connection.execute("SELECT pg_sleep(0.01)")
    }
    await connection.close()
  }

  private func ask(_ sql: SQL, _ text: String) async throws -> String {
    let connection = try await Connection.connect(ConnectionOptions(text))
    let row = try await connection.first(sql)
    await connection.close()
    return try #require(row).get(0)
  }

  private func failure(_ text: String) async throws -> WarehouseError {
    var options = ConnectionOptions(text)
    options.backOff = .none
    let fixed = options
    return try #require(
      await #expect(throws: WarehouseError.self) { try await Connection.connect(fixed) })
  }

  @Test func everythingLibpqOffers() async throws {
    try await withServer { server in
      let encrypted: SQL = """
        SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()
        """
      let root = server.folder + "/root.crt"

      // TLS modes.
      #expect(try await ask(encrypted, server.url(rest: "?sslmode=require")) == "true")
      let verified =
        "host=localhost hostaddr=127.0.0.1 port=\(server.port) user=ann dbname=postgres"
        + " password='\(Self.password)' sslmode=verify-full"
      #expect(try await ask(encrypted, verified + " sslrootcert=\(root)") == "true")
      let untrusted = try await failure(verified + " sslrootcert=/nonexistent.crt")
      #expect(untrusted.code == "warehouse.tls_failed")
      let plain = try await failure(server.url(rest: "?sslmode=disable"))
      #expect(plain.code == "warehouse.authentication_failed")

      // COPY over TLS.
      let connection = try await Connection.connect(
        ConnectionOptions(server.url(rest: "?sslmode=require")))
      try await connection.execute("CREATE TEMPORARY TABLE t (a bigint)")
      let copied = try await connection.copyIn("COPY t FROM STDIN") { writer in
        for _ in 0..<50 { try await writer.write(String(repeating: "1\n", count: 10_000)) }
      }
      #expect(copied == 500_000)
      await connection.close()

      // Several hosts: the first one is dead.
      let dead = try SilentServer.freePort()
      let several =
        "postgresql://ann:\(Self.encoded)@127.0.0.1:\(dead),127.0.0.1:\(server.port)/postgres"
        + "?target_session_attrs=read-write"
      #expect(try await ask("SELECT 'ok'", several) == "ok")

      // A password file.
      let passwords = server.folder + "/pgpass"
      let escaped = Self.password.replacing(":", with: "\\:")
      try "127.0.0.1:\(server.port):*:ann:\(escaped)\n".write(
        toFile: passwords, atomically: false, encoding: .utf8)
      #expect(chmod(passwords, 0o600) == 0)
      let bare = "host=127.0.0.1 port=\(server.port) user=ann dbname=postgres"
      #expect(try await ask("SELECT 'ok'", bare + " passfile=\(passwords)") == "ok")
      let without = try await failure(bare + " passfile=/nonexistent")
      #expect(without.code == "warehouse.authentication_failed")

      // A service file, whose settings win over the defaults; the others are set afterwards.
      let services = server.folder + "/services"
      try """
      [shop]
      host=127.0.0.1
      port=\(server.port)
      user=ann
      dbname=postgres
      passfile=\(passwords)
      options=-c TimeZone=Europe/Paris

      """.write(toFile: services, atomically: false, encoding: .utf8)
      setenv("PGSERVICEFILE", services, 1)
      defer { unsetenv("PGSERVICEFILE") }
      let settings: SQL = "SELECT current_setting('TimeZone') || ' ' || current_setting('jit')"
      #expect(try await ask(settings, "service=shop") == "Europe/Paris off")
      #expect(try await failure("service=unknown").code == "warehouse.unknown_service")
    }
  }

  @Test func passwordsAppearNowhere() async throws {
    try await withServer { server in
      let wrong = "wr0ng-pass"
      let error = try await failure(server.url(password: wrong))
      #expect(error.code == "warehouse.authentication_failed")
      #expect(!String(reflecting: error).contains(wrong))

      let options = ConnectionOptions(server.url())
      let connection = try await Connection.connect(options)
      let fault = try #require(
        await #expect(throws: WarehouseError.self) {
          try await connection.query("SELECT * FROM nowhere")
        })
      let syntax = try #require(
        await #expect(throws: WarehouseError.self) {
          try await connection.script("ALTER ROLE ann PASSWORD '\(wrong)' BOGUS")
        })
      await connection.close()
      var dumped = ""
      dump(options, to: &dumped)
      for text in [
        String(reflecting: fault), String(reflecting: syntax), "\(options)", dumped,
        String(reflecting: options),
      ] {
        for secret in [Self.password, Self.encoded, wrong, "s3cr3t"] {
          #expect(!text.contains(secret))
        }
      }
    }
  }

  @Test func aPoolOutlivesARestart() async throws {
    try await withServer { server in
      var options = ConnectionOptions(server.url())
      options.backOff = .patient
      let pool = ConnectionPool(options, limit: 2)
      let before = try await pool.withConnection { await $0.serverProcess }
      try await server.cluster.stop()
      #expect(try await failure(server.url()).code == "warehouse.unreachable")
      // Its connection is dead; connecting is tried again until the server is back.
      let answer = Task { try await pool.withConnection { await $0.serverProcess } }
      try await server.cluster.start()
      let after = try await answer.value
      #expect(after != before)
      #expect(pool.openCount == 1)
      await pool.close()
    }
  }
}
