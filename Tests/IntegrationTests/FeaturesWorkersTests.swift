import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Orchestrator
import Pipeline
import Rules
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

/// Stands for a load where the facts are there already.
private struct LandNothing: RunnableTask {
  static let kind = "land_nothing"
  func run(in context: TaskContext) async throws -> Landed {
    try JSONDecoder().decode(Landed.self, from: Data(#"{"loads": []}"#.utf8))
  }
}

/// Rules over features, range by range and on many workers.
@Suite(.timeLimit(.minutes(15))) struct FeaturesWorkersTests {
  private static let segments = """
    version: 1
    segments:
      - {name: buyers, rule: "orders > 0"}
      - {name: best, rule: "ltv_net top 30%"}
      - {name: least_active, rule: "active bottom 30%"}
      - {name: rare, rule: {any: ["frequency_rank <= 2", "recency_band = lapsed"]}}
      - {name: best_buyers, rule: {all: [{member_of: best}, {member_of: buyers}]}}
      - {name: silent, rule: {not: "views_24h > 0"}}
      - {name: scored, rule: "rfm >= 300"}
    """

  /// A folder with the catalogues of a project.
  private func project(_ zone: Zone) throws -> URL {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-ranges-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in [
      ("project.yaml", "name: ranges\nzone: \(zone.name)\ncurrency: EUR\n"),
      ("features.yaml", OracleCatalogue.yaml), ("segments.yaml", Self.segments),
    ] {
      try text.write(
        to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    return folder
  }

  private func catalogue(_ features: FeatureCatalogue, _ zone: Zone) throws -> SegmentCatalogue {
    try SegmentCatalogue.parse(
      Self.segments, attributes: FeatureAttributes(features), zone: zone)
  }

  /// However everyone is cut, the members are those of one table of everyone; within a day the cuts
  /// of percentiles are those of the last midnight.
  @Test(arguments: 0..<3)
  func rulesByRangesFindTheSameMembers(_ seed: Int) async throws {
    let features = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 3100 + seed)
    try await withFreshDatabase { pool in
      try await FeaturesShop(pool: pool, shop: shop).load(shop.known(through: shop.first + 120))
      try await TileStore(pool: pool, zone: shop.zone).fold(features)
      let builder = FeatureBuilder(
        pool: pool, zone: shop.zone, limits: ResourceLimits(threads: 2))
      let evaluate = EvaluateSegments(try catalogue(features, shop.zone))
      #expect(Set(evaluate.percentileFeatures) == ["active", "ltv_net"])
      let midnight = LocalDays(zone: shop.zone).end(of: shop.first + 119)
      let everyone = try await builder.build(features, asOf: midnight).table
      let cuts = try evaluate.cuts(over: everyone)
      #expect(cuts.reports.count == 2)
      for asOf in [midnight, midnight + .seconds(40_000)] {
        let table = try await builder.build(features, asOf: asOf, by: .count(1)).table
        let whole = try evaluate(over: table, cuts: asOf == midnight ? nil : cuts)
        #expect(whole.cuts == cuts.reports)
        for count in [1, 2, 3, 7] {
          let found = try await evaluate(
            everyoneFrom: builder, features, asOf: asOf, by: .count(count))
          #expect(found.evaluation == whole.evaluation, "\(count) ranges as of \(asOf)")
          #expect(found.cuts == whole.cuts && found.distinctParts == whole.distinctParts)
        }
        #expect(whole.evaluation.members.count { !$0.isEmpty } >= 5)
      }
    }
  }

  /// Two workers take the ranges of a mapped task, each stores its share, the next tasks join them.
  @Test func twoWorkersShareTheRanges() async throws {
    let features = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 3200)
    let dag = DAG("by_ranges") { dag in
      let landed = dag.task("extract", LandNothing())
      let ranges = dag.task("ranges", SplitCustomers(from: landed, into: 3))
      let parts = dag.mapped("parts", over: ranges) { BuildFeatures(from: landed, of: $0) }
      let all = dag.task("features", JoinFeatures(parts))
      dag.task("rules", EvaluateRules(on: all))
    }
    let folder = try project(shop.zone)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await withFreshDatabase { pool in
      let day = shop.first + 100
      try await FeaturesShop(pool: pool, shop: shop).load(shop.known(through: day))
      let interval = DataInterval(day: day, in: shop.zone)
      let registry = try TaskRegistry([LandNothing.self] + allTaskKinds)
      let run = try await RunQueue(pool: pool, registry: registry, zone: shop.zone)
        .enqueue(dag, interval: interval)
      let number = try #require(run)
      // One slot each: while nobody can store a state, two of the three must be on two workers.
      let daemons = (0..<2).map { _ in
        Daemon(
          pool: pool, registry: registry, projectDirectory: folder.path, zone: shop.zone, dags: [],
          options: DaemonOptions(schedules: false, slots: 1))
      }
      let workers = try await pool.withLastingConnection { connection in
        try await connection.transaction { connection in
          try await connection.execute("LOCK TABLE features.state IN SHARE MODE")
          for daemon in daemons {
            Task { try await daemon.run() }
          }
          let row = try await waitForRow(
            """
            SELECT count(DISTINCT worker_id) AS workers FROM runs.task
            WHERE run_id = \(number) AND state = 'running' AND task_id LIKE 'parts[%'
            HAVING count(DISTINCT worker_id) = 2
            """, on: pool)
          return try row.get("workers", as: Int64.self)
        }
      }
      #expect(workers == 2)
      let runs = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
      for daemon in daemons { daemon.drain() }
      #expect(runs.map(\.state) == [.success])
      let tasks = try await RunStore(pool).tasks(of: number)
      let output = try #require(tasks.first { $0.task == "rules" }?.output)
      let reference = try output.decoded(as: EvaluationReference.self)
      let found = try await EvaluationStore(pool: pool).load(reference.evaluationID)

      let asOf = interval.end
      let table = try await FeatureBuilder(pool: pool, zone: shop.zone)
        .build(features, asOf: asOf, saving: false, by: .count(1)).table
      let whole = try EvaluateSegments(try catalogue(features, shop.zone))(over: table)
      #expect(found == whole.evaluation)
      let joined = try #require(tasks.first { $0.task == "features" }?.output)
        .decoded(as: FeatureReference.self)
      #expect(joined.customers == table.index.count && joined.range == nil)
      let states = try await pool.first(
        "SELECT count(*) AS states, sum(customers)::bigint AS customers FROM features.state")
      #expect(try states?.get("states", as: Int64.self) == 3)
      #expect(try states?.get("customers", as: Int64.self) == Int64(table.index.count))
    }
  }
}
