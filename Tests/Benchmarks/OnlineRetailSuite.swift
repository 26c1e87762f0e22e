import Columns
import FeatureStore
import Features
import Foundation
import Inputs
import Schedules
import TestSupport
import Warehouse

/// 60 features of the UCI Online Retail data on five dates: ours through the database, the peer's
/// from the raw file with polars. Every value must be the same.
struct OnlineRetailSuite: Suite {
  static let name = "online_retail"
  static let purpose =
    "60 features of the UCI Online Retail data on five dates, each value compared"
  private static let rounds = 3
  /// Ends of days after a change of the clock and at the end of months, and an instant within a day.
  private static let instants = [
    "2011-03-01T00:00:00Z", "2011-03-27T23:00:00Z", "2011-06-30T23:00:00Z",
    "2011-10-31T00:00:00Z", "2011-12-09T12:00:00Z",
  ]

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  private var peers: URL {
    bench.root.appendingPathComponent("Tests/Benchmarks/peers/online_retail")
  }

  private struct PeerResult: Decodable {
    let peer: String
    let events: Int
    let read_seconds: Double
    let seconds: Double
  }

  func run() async throws -> [Measurement] {
    // It says so itself where the data is not here.
    guard let data = RealData.folder(from: #filePath) else { return [] }
    try bench.clone("online_retail")
    let pool = ConnectionPool(ConnectionOptions(bench.url(of: "online_retail")), limit: 4)
    do {
      let rows = try await measure(pool, data)
      await pool.close()
      try bench.discard(databases: ["online_retail"], files: [])
      return rows
    } catch {
      await pool.close()
      throw error
    }
  }

  private func measure(_ pool: ConnectionPool, _ data: String) async throws -> [Measurement] {
    let python = try PythonPeers(bench, environment: "online-retail").python(
      requirements: "peers/online_retail/requirements.txt", module: "polars")
    let folder = bench.home.appendingPathComponent("online_retail")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let catalogue = try FeatureCatalogue(
      contentsOf: peers.appendingPathComponent("features.yaml"))
    let sources = try SourceCatalogue.load(
      bench.root.appendingPathComponent("dags/online_retail/sources.yaml").path,
      environment: ["STRATA_DATA": data])
    let zone = sources.project.zone
    let loading = try await seconds {
      for source in sources.sources { _ = try await Loader(pool: pool).load(source) }
    }
    let folding = try await seconds {
      try await TileStore(pool: pool, zone: zone).fold(catalogue)
    }
    let keys = try await keys(pool)

    var builds: [Double] = []
    var theirs: [Double] = []
    var reading: [Double] = []
    var compared = 0
    var different = 0
    var peer = "polars"
    for round in 0..<Self.rounds {
      var tables: [FeatureTable] = []
      builds.append(
        try await seconds {
          for text in Self.instants {
            guard let asOf = Instant(rfc3339: text) else { continue }
            let table = try await FeatureBuilder(pool: pool, zone: zone)
              .build(catalogue, asOf: asOf, saving: false).table
            for feature in catalogue.features { _ = try table.column(named: feature.name) }
            tables.append(table)
          }
        })
      let output = try ChildProcess(
        program: python,
        arguments: [
          peers.appendingPathComponent("features.py").path, data + "/online_retail.csv.gz",
          folder.path,
        ] + Self.instants
      ).run().output
      let result = try JSONDecoder().decode(PeerResult.self, from: Data(output.utf8))
      theirs.append(result.seconds)
      reading.append(result.read_seconds)
      peer = result.peer
      guard round == 0 else { continue }
      for (place, table) in tables.enumerated() {
        let file = folder.appendingPathComponent("\(place).csv")
        let (cells, wrong) = try compare(table, keys, with: file)
        compared += cells
        different += wrong
        say("  \(Self.instants[place]): \(table.index.count) customers, \(wrong) values differ")
      }
    }
    say("  \(compared) values compared; \(peer) read the file itself")
    func line(
      _ what: String, _ unit: String, _ ours: Double, _ peer: Double?,
      _ goal: Measurement.Goal = .none
    ) -> Measurement {
      Measurement(suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
    }
    return [
      line(
        "values of \(compared) that differ from \(peer)", "", Double(different), nil, .atMost(0)),
      line("load and tiles, against reading", "s", loading + folding, median(reading)),
      line("60 features on five dates, each from nothing", "s", median(builds), median(theirs)),
    ]
  }

  private func seconds(
    _ body: nonisolated(nonsending) () async throws -> Void
  ) async throws -> Double {
    let start = ContinuousClock().now
    try await body()
    return start.duration(to: ContinuousClock().now).inSeconds
  }

  private func keys(_ pool: ConnectionPool) async throws -> [String: Int64] {
    var keys: [String: Int64] = [:]
    for row in try await pool.query("SELECT customer_key, customer_id FROM facts.customers") {
      keys[try row.get("customer_key", as: String.self)] = try row.get("customer_id")
    }
    return keys
  }

  // MARK: Comparison

  /// Compares a table with a file of the peer; returns how many values, and how many differ.
  private func compare(
    _ table: FeatureTable, _ keys: [String: Int64], with file: URL
  ) throws -> (cells: Int, different: Int) {
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let names = lines[0].split(separator: ",").dropFirst().map(String.init)
    guard Set(names) == Set(table.catalogue.features.map(\.name)), names.count == 60 else {
      throw BenchError("expected the 60 features of features.yaml, the peer has \(names)")
    }
    guard lines.count - 1 == table.index.count else {
      throw BenchError(
        "expected \(lines.count - 1) customers at \(table.asOf), found \(table.index.count)")
    }
    let columns = try names.map { try table.column(named: $0) }
    var different = 0
    for line in lines.dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard let row = keys[String(fields[0])].flatMap({ table.row(of: $0) }) else {
        throw BenchError("expected customer \(fields[0]) at \(table.asOf), found none")
      }
      for (place, column) in columns.enumerated()
      where !Self.agrees(column, row, fields[place + 1]) {
        different += 1
        if different <= 5 {
          say(
            "  \(names[place]) of \(fields[0]) at \(table.asOf): the peer has \(fields[place + 1])")
        }
      }
    }
    return ((lines.count - 1) * names.count, different)
  }

  private static func agrees(_ column: Column, _ row: Int, _ text: Substring) -> Bool {
    switch column {
    case .integer(let values, _): values[row] == Int64(text)
    case .text(let values, let dictionary): values[row].map { dictionary[Int($0)] } ?? "" == text
    case .real(let values):
      switch (values[row], Double(text)) {
      case (nil, nil): true
      case (let ours?, let peer?):
        (ours - peer).magnitude <= 1e-9 * Swift.max(ours.magnitude, peer.magnitude, 1)
      default: false
      }
    case .boolean, .instant, .day: false
    }
  }
}
