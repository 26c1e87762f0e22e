import Foundation
import Subprocess
import Testing
import Warehouse

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The embedded cluster as commands use it; each test has one of its own.
@Suite("Embedded cluster, through the binary")
struct ClusterTests {
  static func withHome<T>(_ body: (Binary) async throws -> T) async throws -> T {
    let home = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-home-\(UUID().uuidString)")
    let strata = Binary(home: home)
    do {
      let result = try await body(strata)
      _ = try await strata("db", "stop")
      try FileManager.default.removeItem(at: home)
      return result
    } catch {
      _ = try? await strata("db", "stop")
      try? FileManager.default.removeItem(at: home)
      throw error
    }
  }

  struct Status: Decodable {
    let state: String
    let process: Int32?
  }

  @Test("is started by whichever command comes first, shared, recovered after a crash, stopped")
  func lifeCycle() async throws {
    try await Self.withHome { strata in
      #expect(try await strata("db", "status", "--json").json(Status.self).state == "absent")
      // Three at once: one starts it, all work.
      async let a = strata("segments", "list", "--project", "dags/retail")
      async let b = strata("runs", "list", "--project", "dags/retail")
      async let c = strata("runs", "list", "--project", "dags/online_retail")
      for outcome in try await [a, b, c] { #expect(outcome.code == 0, "\(outcome.error)") }
      let running = try await strata("db", "status", "--json").json(Status.self)
      #expect(running.state == "running")
      let process = try #require(running.process)
      #expect(kill(process, SIGKILL) == 0)
      while kill(process, 0) == 0 { await Task.yield() }
      let after = try await strata("runs", "list", "--project", "dags/retail")
      #expect(after.code == 0, "\(after.error)")
      let again = try await strata("db", "status", "--json").json(Status.self)
      #expect(again.state == "running")
      #expect(again.process != process)
      let url = try await strata("db", "url", "--project", "dags/retail")
      #expect(url.output.hasPrefix("postgresql:///retail?"))
      #expect(try await strata("db", "stop").code == 0)
      #expect(try await strata("db", "status", "--json").json(Status.self).state == "stopped")
    }
  }

  @Test("a wrong password: exit code 4, and the password is in no message")
  func wrongPassword() async throws {
    try await Self.withHome { strata in
      #expect(try await strata("runs", "list", "--project", "dags/retail").code == 0)
      let url = try await strata("db", "url", "--project", "dags/retail").output
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let connection = try await Connection.connect(ConnectionOptions(url))
      try await connection.script("CREATE ROLE clerk LOGIN PASSWORD 'right'")
      let hba = try await connection.first("SELECT current_setting('hba_file') AS file")?
        .get("file", as: String.self)
      let file = URL(fileURLWithPath: try #require(hba))
      let rules = try String(contentsOf: file, encoding: .utf8)
      try Data(("local all clerk scram-sha-256\n" + rules).utf8).write(to: file)
      try await connection.execute("SELECT pg_reload_conf()")
      await connection.close()
      let wrong = url.replacing("user=postgres", with: "user=clerk") + "&password=s3cret-wrong"
      let outcome = try await strata(
        "runs", "list", "--project", "dags/retail", "--database", wrong)
      #expect(outcome.code == 4, "\(outcome.error)")
      #expect(outcome.error.contains("clerk"))
      #expect(!outcome.error.contains("s3cret-wrong"))
    }
  }

  @Test("a full disk during COPY: a clear error, nothing of the load is kept")
  func fullDisk() async throws {
    try await Self.withHome { strata in
      // The server inherits the limit: no file of it may pass 24 MB (WAL segments have 16).
      let start = try await Subprocess.run(
        .path("/bin/bash"),
        arguments: [
          "-c", "ulimit -f 24576; exec \"$0\" db start --project dags/retail", Binary.path,
        ],
        environment: .inherit.updating(["STRATA_HOME": strata.home.path]),
        workingDirectory: FilePath(Binary.root.path), output: .string(limit: 1 << 20),
        error: .string(limit: 1 << 20))
      #expect(start.terminationStatus == .exited(0), "\(start.standardError)")
      let folder = try BadInputTests.Folder()
      defer { folder.remove() }
      var text = "id,customer,at,amount\n"
      for row in 0..<300_000 {
        text += "order-\(row)-of-a-long-name-to-fill-the-disk,c\(row),2024-05-01T10:00:00Z,1.00\n"
      }
      try folder.write("orders.csv", text)
      let outcome = try await strata("sources", "load", "orders", "--project", folder.url.path)
      #expect(outcome.code == 1, "\(outcome.status) \(outcome.error)")
      #expect(
        outcome.error.contains("File too large") || outcome.error.contains("No space left"),
        "\(outcome.error)")
      let url = try await strata("db", "url", "--project", folder.url.path).output
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let connection = try await Connection.connect(ConnectionOptions(url))
      let kept = try await connection.first("SELECT count(*) FROM facts.events")
      #expect(try kept?.get(0, as: Int64.self) == 0)
      await connection.close()
    }
  }

  @Test("works in cron's bare environment")
  func bareEnvironment() async throws {
    try await Self.withHome { strata in
      let made = try await strata(
        "demo", "generate", "--customers", "100", "--days", "60", "--quiet")
      #expect(made.code == 0, "\(made.error)")
      let night = try await Subprocess.run(
        .path("/usr/bin/env"),
        arguments: [
          "-i", "STRATA_HOME=\(strata.home.path)", Binary.path, "run", "nightly_segments",
          "--project", Binary.root.appendingPathComponent("dags/retail").path, "--date",
          Shop.lastDay, "--quiet",
        ],
        workingDirectory: "/", output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
      #expect(night.terminationStatus == .exited(0), "\(night.standardError)")
      #expect(night.standardOutput.isEmpty)
    }
  }
}
