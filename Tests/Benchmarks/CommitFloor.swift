import Foundation

/// What the disk and the server allow: pgbench with one-row updates, each a durable commit.
struct CommitFloor {
  /// One round of pgbench.
  struct Round: Sendable {
    let commitsPerSecond: Double
    /// Of one commit as its client sees it.
    let latencySeconds: Double
  }

  private static let database = "bench_floor"
  private let bench: Workbench
  private let program: String
  private let script: String

  /// Makes the table of the updates.
  ///
  /// - Throws: ``BenchError`` where the cluster would commit without waiting for the disk.
  init(_ bench: Workbench) throws {
    self.bench = bench
    try Self.checkDurability(of: "postgres", bench)
    program = try Self.program(bench)
    script = bench.home.appendingPathComponent("floor.pgbench").path
    // Prepared and by primary key, as ours are; a row of its own for each client, so that none waits
    // for another's lock.
    try "UPDATE floor SET value = value + 1 WHERE id = :client_id;\n".write(
      toFile: script, atomically: true, encoding: .utf8)
    try bench.drop(Self.database)
    _ = try bench.psql("postgres", ["-c", "CREATE DATABASE \(Self.database)"])
    _ = try bench.psql(
      Self.database, ["-f", Self.file("floor_tables.sql", bench)])
  }

  private static func file(_ name: String, _ bench: Workbench) -> String {
    bench.root.appendingPathComponent("Tests/Benchmarks/sql/\(name)").path
  }

  /// One round; connecting is not counted.
  func measure(clients: Int, seconds: Int) throws -> Round {
    try measure(script, protocol: "prepared", clients: clients, seconds: seconds)
  }

  /// The least that a task of a chain can be: two locks, five rows of the end of one task and the
  /// start of the next, one commit, in two round trips, without anybody who decides. pgbench has
  /// no prepared statements in a pipeline before version 18.
  func measureTask(seconds: Int) throws -> Round {
    try measure(
      Self.file("floor_task.pgbench", bench), protocol: "extended", clients: 1, seconds: seconds)
  }

  private func measure(
    _ script: String, protocol name: String, clients: Int, seconds: Int
  ) throws -> Round {
    let output = try ChildProcess(
      program: program,
      arguments: [
        "--no-vacuum", "--protocol=\(name)", "--client=\(clients)", "--jobs=\(min(clients, 2))",
        "--time=\(seconds)", "--file=\(script)", bench.url(of: Self.database),
      ]
    ).run().output
    guard let commits = Self.number(after: "tps = ", in: output),
      let latency = Self.number(after: "latency average = ", in: output), commits > 0
    else { throw BenchError("expected pgbench to print its tps and latency, found:\n\(output)") }
    return Round(commitsPerSecond: commits, latencySeconds: latency / 1000)
  }

  /// The server's own pgbench, which need not be on the path.
  private static func program(_ bench: Workbench) throws -> String {
    let found = try bench.query("postgres", "SELECT setting FROM pg_config WHERE name = 'BINDIR'")
    let path = found.first.map { $0[0] + "/pgbench" }
    return path.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil } ?? "pgbench"
  }

  func discard() throws { try bench.discard(databases: [Self.database], files: [script]) }

  /// A measurement of durable state is none where commits do not wait for the disk.
  static func checkDurability(of database: String, _ bench: Workbench) throws {
    let settings = try bench.query(
      database, "SELECT current_setting('synchronous_commit'), current_setting('fsync')")
    guard settings == [["on", "on"]] else {
      throw BenchError("expected synchronous_commit and fsync on, found \(settings)")
    }
  }

  private static func number(after label: String, in text: String) -> Double? {
    guard let found = text.range(of: label) else { return nil }
    return Double(text[found.upperBound...].prefix { $0.isNumber || $0 == "." })
  }
}
