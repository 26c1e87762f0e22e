import Foundation
import Schedules

/// Our loader against psql's `\copy` with the same checks in SQL, and against a bare `\copy`.
struct IngestSuite: Suite {
  static let name = "ingest"
  static let purpose = "2,000,000 rows of CSV into the partitioned events, three rounds"
  private static let rounds = 3
  private static let customers = 50_000
  private static let eventsPerDay = 5000
  private static let days = 400
  /// 2024-01-01.
  private static let firstDay = 19_723

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    let shop = EventFile(customers: Self.customers, eventsPerDay: Self.eventsPerDay)
    let large = bench.home.appendingPathComponent("ingest.csv").path
    let small = bench.home.appendingPathComponent("ingest_small.csv").path
    let rows = try shop.write(days: Self.firstDay..<Self.firstDay + Self.days, to: large)
    _ = try shop.write(days: Self.firstDay..<Self.firstDay + Self.days / 4, to: small)

    try bench.clone("ingest_ours")
    let first = try load(small)
    // The rows as they stand in the end, for the bare copy, are in `copy`.
    var ours: [Double] = []
    var checked: [Double] = []
    var bare: [Double] = []
    var peak = 0
    let copy = bench.home.appendingPathComponent("ingest_accepted.csv").path
    for round in 1...Self.rounds {
      try bench.clone("ingest_ours")
      let run = try load(large)
      ours.append(run.seconds)
      peak = max(peak, run.peakBytes)
      if round == 1 {
        _ = try bench.psql(
          "ingest_ours",
          ["-c", "\\copy (SELECT * FROM facts.events) TO '\(copy)' WITH (FORMAT csv)"])
      }
      let mine = try counts("ingest_ours")

      try bench.clone("ingest_peer")
      try settle("ingest_peer")
      checked.append(try bench.peer("load_checked.sql", on: "ingest_peer", file: large).seconds)
      let theirs = try counts("ingest_peer")
      guard mine == theirs else {
        throw BenchError("ours loaded \(mine), the peer \(theirs): they do not do the same")
      }

      try bench.clone("ingest_peer")
      _ = try bench.psql(
        "ingest_peer",
        [
          "-c",
          """
          SELECT facts.ensure_months(ARRAY(
            SELECT generate_series('2024-01-01'::date, '2025-03-01'::date, '1 month')::date))
          """,
        ])
      try settle("ingest_peer")
      bare.append(
        try bench.psql(
          "ingest_peer", ["-c", "\\copy facts.events FROM '\(copy)' WITH (FORMAT csv)"]
        ).seconds)
      say(
        "  round \(round): ours \(ResultTable.value(run.seconds, "s")) "
          + "(\(ResultTable.value(run.processorSeconds, "s")) on processors), checks in SQL "
          + "\(ResultTable.value(checked[round - 1], "s")), bare "
          + ResultTable.value(bare[round - 1], "s"))
    }
    try bench.discard(databases: ["ingest_ours", "ingest_peer"], files: [large, small, copy])
    let speed = Double(rows) / median(ours)
    func line(
      _ what: String, _ unit: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
    ) -> Measurement {
      Measurement(
        suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
    }
    return [
      line(
        "load, against \\copy and the checks in SQL", "rows/s", speed,
        Double(rows) / median(checked), .ratioAtLeast(1)),
      line(
        "load, against a bare \\copy", "rows/s", speed, Double(rows) / median(bare),
        .ratioAtLeast(0.5)),
      line(
        "peak memory, a quarter of the file", "MB", Double(first.peakBytes) / 1e6, nil,
        .atMost(300)),
      line("peak memory, the whole file", "MB", Double(peak) / 1e6, nil, .atMost(300)),
    ]
  }

  private func settle(_ database: String) throws { try bench.settle(database) }

  private func load(_ path: String) throws -> Finished {
    try settle("ingest_ours")
    return try bench.strata(
      [
        "sources", "load", "events", "--project", bench.project, "--database",
        bench.url(of: "ingest_ours"),
        "--quiet",
      ], environment: ["STRATA_BENCH_EVENTS": path])
  }

  /// Accepted and rejected rows with the exact revenue of what was accepted.
  private func counts(_ database: String) throws -> [String] {
    try bench.query(
      database,
      """
      SELECT (SELECT count(*) FROM facts.events), (SELECT count(*) FROM landing.rejected),
        (SELECT sum(amount) FROM facts.events), (SELECT count(*) FROM facts.customers),
        (SELECT count(*) FROM landing.event_key)
      """
    ).first ?? []
  }
}
