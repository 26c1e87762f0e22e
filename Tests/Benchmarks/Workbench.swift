import Foundation

/// Where suites work: the repository, the release binary, a cluster of their own, files.
///
/// The cluster keeps its promises over a power cut (fsync on), as in production.
final class Workbench: Sendable {
  /// The repository.
  let root: URL
  /// Generated files and the cluster; `.strata/bench` of the repository.
  let home: URL
  /// The release binary.
  let strata: String
  /// The project of the ingest and nightly suites.
  let project: String
  private let url: String
  private let keepsAll: Bool
  /// Whether the orchestrators among the peers are installed and measured.
  let measuresAirflow: Bool

  /// The zone of the project's days, and of the peers' sessions.
  static let zone = "Europe/Lisbon"
  /// A migrated database without data, from which suites clone theirs.
  private static let template = "bench_template"

  init(keepsAll: Bool, measuresAirflow: Bool) throws {
    self.keepsAll = keepsAll
    self.measuresAirflow = measuresAirflow
    root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let variables = ProcessInfo.processInfo.environment
    home = URL(
      fileURLWithPath: variables["STRATA_BENCH_HOME"]
        ?? root.appendingPathComponent(".strata/bench").path)
    strata =
      variables["STRATA_BENCH_BINARY"] ?? root.appendingPathComponent(".build/release/strata").path
    project = root.appendingPathComponent("Tests/Benchmarks/project").path
    guard FileManager.default.isExecutableFile(atPath: strata) else {
      throw BenchError("expected the release binary at \(strata); run: make build")
    }
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    let base = ChildProcess(
      program: strata, arguments: ["db", "start", "--project", project],
      environment: ["STRATA_HOME": home.path])
    _ = try base.run()
    let found = try ChildProcess(
      program: strata, arguments: ["db", "url", "--project", project],
      environment: ["STRATA_HOME": home.path]
    ).run().output.trimmingCharacters(in: .whitespacesAndNewlines)
    url = found
    try makeTemplate()
  }

  /// Stops the cluster.
  func close() throws {
    if keepsAll { return }
    _ = try strata(["db", "stop", "--quiet"])
  }

  // MARK: Programs

  /// Runs our binary with the bench's home.
  func strata(
    _ arguments: [String], environment: [String: String] = [:], expecting code: Int32? = 0
  ) throws -> Finished {
    try ChildProcess(
      program: strata, arguments: arguments,
      environment: environment.merging(["STRATA_HOME": home.path]) { $1 }
    ).run(expecting: code)
  }

  /// Runs psql on a database, in the project's zone, without JIT.
  func psql(
    _ database: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Finished {
    try ChildProcess(
      program: "psql",
      arguments: ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url(of: database)] + arguments,
      environment: environment.merging(
        ["PGTZ": Self.zone, "PGOPTIONS": "-c jit=off -c client_min_messages=warning"]) { $1 }
    ).run()
  }

  /// The rows of a query, fields separated by `|`.
  func query(_ database: String, _ sql: String) throws -> [[String]] {
    try psql(database, ["-At", "-c", sql]).output.split(separator: "\n").map {
      $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Runs files of `Tests/Benchmarks/peers` with variables, one after the other in one session;
  /// `file` stands in for `@FILE@`.
  func peer(
    _ names: String..., on database: String, file: String = "", variables: [String: String] = [:]
  ) throws -> Finished {
    var arguments = variables.sorted { $0.key < $1.key }.flatMap {
      ["-v", "\($0.key)=\($0.value)"]
    }
    for name in names {
      let source = root.appendingPathComponent("Tests/Benchmarks/peers/\(name)")
      let text = try String(contentsOf: source, encoding: .utf8).replacing("@FILE@", with: file)
      let script = home.appendingPathComponent("\(name).running")
      try text.write(to: script, atomically: true, encoding: .utf8)
      arguments += ["-f", script.path]
    }
    return try psql(database, arguments)
  }

  // MARK: Databases

  /// The URL of a database in the bench's cluster.
  func url(of database: String) -> String { Self.replacingDatabase(of: url, by: database) }

  /// A new database, a copy of another, by default of a migrated empty one.
  func clone(_ database: String, from source: String? = nil) throws {
    try drop(database)
    let source = source ?? Self.template
    _ = try psql("postgres", ["-c", "CREATE DATABASE \(database) TEMPLATE \(source)"])
  }

  /// Removes what a suite is done with, unless it is to be kept.
  func discard(databases: [String], files: [String]) throws {
    if keepsAll { return }
    for database in databases { try drop(database) }
    for file in files { try FileManager.default.removeItem(atPath: file) }
  }

  func drop(_ database: String) throws {
    _ = try psql("postgres", ["-c", "DROP DATABASE IF EXISTS \(database) WITH (FORCE)"])
  }

  /// Fresh statistics and maps, and no pending writes, so that every side starts alike.
  func settle(_ database: String) throws {
    _ = try psql(database, ["-c", "VACUUM ANALYZE"])
    _ = try psql(database, ["-c", "CHECKPOINT"])
  }

  /// Has everything written that was put off: what follows begins on a server at rest, and logs the
  /// first change of each page whole, as a night does.
  func checkpoint() throws { _ = try psql("postgres", ["-c", "CHECKPOINT"]) }

  private func makeTemplate() throws {
    try drop(Self.template)
    _ = try psql("postgres", ["-c", "CREATE DATABASE \(Self.template)"])
    _ = try strata(["db", "migrate", "--project", project, "--database", url(of: Self.template)])
  }

  /// Puts another database's name into a connection URL or a list of key=value pairs.
  static func replacingDatabase(of url: String, by name: String) -> String {
    guard let scheme = url.range(of: "://") else {
      return url.split(separator: " ").filter { !$0.hasPrefix("dbname=") }.joined(separator: " ")
        + " dbname=\(name)"
    }
    let rest = url[scheme.upperBound...]
    let start = rest.firstIndex(of: "/") ?? rest.endIndex
    let end = rest.firstIndex(of: "?") ?? rest.endIndex
    return String(url[..<start]) + "/" + name + String(rest[end...])
  }
}
