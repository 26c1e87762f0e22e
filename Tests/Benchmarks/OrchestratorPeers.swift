import Foundation

/// What Airflow and Prefect take for the same shapes: measured in this run, or recorded before.
struct OrchestratorPeers {
  /// Airflow with its version.
  struct Airflow {
    let name: String
    let chain: Double
    let wide: Double
    let backfill: Double
    let cliSeconds: Double
    let idleBytes: Double
  }

  /// Prefect with its version.
  struct Prefect {
    let name: String
    let chain: Double
  }

  let airflow: Airflow
  let prefect: Prefect

  /// The fast ends of what was measured on two cores, other work aside.
  static let recorded = OrchestratorPeers(
    airflow: Airflow(
      name: "Airflow 3.3.2 (recorded)", chain: 17, wide: 38, backfill: 46, cliSeconds: 3.6,
      idleBytes: 865 * 1_048_576),
    prefect: Prefect(name: "Prefect (recorded)", chain: 1.6))

  // MARK: Measuring

  private static let database = "bench_airflow"

  /// Installs both into environments of their own and measures them; takes minutes.
  static func measure(_ bench: Workbench) throws -> OrchestratorPeers {
    let prefect = try measurePrefect(bench)
    return OrchestratorPeers(airflow: try measureAirflow(bench), prefect: prefect)
  }

  private static func measureAirflow(_ bench: Workbench) throws -> Airflow {
    struct Found: Decodable {
      let airflow: String
      let cli_seconds: Double
      let idle_pss_bytes: Double
      let chain_50_seconds: [Double]
      let wide_200_seconds: [Double]
      let backfill_seconds: [Double]
      let load: [Double]
    }
    let python = try PythonPeers(bench, environment: "airflow").python(
      requirements: "peers/airflow/requirements.txt", module: "airflow")
    try bench.drop(database)
    _ = try bench.psql("postgres", ["-c", "CREATE DATABASE \(database)"])
    let home = bench.home.appendingPathComponent("airflow").path
    say("  Airflow: two rounds, some minutes")
    let found = try decode(
      Found.self, python, bench, "airflow/measure.py", [bench.url(of: database), home])
    let times = [
      ("chain of 50", found.chain_50_seconds), ("200 wide", found.wide_200_seconds),
      ("30 x 5", found.backfill_seconds),
    ].map { "\($0) \(list($1))" }
    say(
      "  Airflow \(found.airflow): " + times.joined(separator: "; ")
        + "; start \(ResultTable.value(found.cli_seconds, "s")), idle "
        + "\(ResultTable.value(found.idle_pss_bytes / 1e6, "MB")) PSS; load \(found.load)")
    try bench.discard(databases: [database], files: [home])
    return Airflow(
      name: "Airflow \(found.airflow)", chain: median(found.chain_50_seconds),
      wide: median(found.wide_200_seconds), backfill: median(found.backfill_seconds),
      cliSeconds: found.cli_seconds, idleBytes: found.idle_pss_bytes)
  }

  private static func measurePrefect(_ bench: Workbench) throws -> Prefect {
    struct Found: Decodable {
      let prefect: String
      let first_seconds: Double
      let chain_50_seconds: [Double]
      let load: [Double]
    }
    let python = try PythonPeers(bench, environment: "prefect").python(
      requirements: "peers/prefect/requirements.txt", module: "prefect")
    let home = bench.home.appendingPathComponent("prefect").path
    let found = try decode(Found.self, python, bench, "prefect/measure.py", [home])
    say(
      "  Prefect \(found.prefect): chain of 50 \(list(found.chain_50_seconds)), the first "
        + "\(ResultTable.value(found.first_seconds, "s")); load \(found.load)")
    try bench.discard(databases: [], files: [home])
    return Prefect(name: "Prefect \(found.prefect)", chain: median(found.chain_50_seconds))
  }

  private static func decode<Found: Decodable>(
    _ type: Found.Type, _ python: String, _ bench: Workbench, _ script: String,
    _ arguments: [String]
  ) throws -> Found {
    let path = bench.root.appendingPathComponent("Tests/Benchmarks/peers/\(script)").path
    let output = try ChildProcess(program: python, arguments: [path] + arguments).run().output
    guard let last = output.split(separator: "\n").last else {
      throw BenchError("\(script) printed nothing")
    }
    return try JSONDecoder().decode(type, from: Data(last.utf8))
  }

  private static func list(_ times: [Double]) -> String {
    times.map { ResultTable.value($0, "s") }.joined(separator: ", ")
  }
}
