import Columns
import FeatureStore
import Foundation
import Inputs
import Orchestrator
import Pipeline
import Schedules
import Segments
import Synchronization
import Tasks
import Warehouse

/// A resident refresher over a database of the bench, and batches of events for it.
final class MicroRoad {
  private let pool: ConnectionPool
  private let project: Project
  private let day: Day
  private let customers: [(id: Int64, key: String)]
  private let kinds: [(name: String, id: Int16, isSale: Bool)]
  private var refresher: SegmentRefresher
  private var asOf: Instant
  private var draw = Draws(seed: 77)
  private var number = 0

  init(url: String, project folder: String, day: Day) async throws {
    pool = ConnectionPool(ConnectionOptions(url), limit: 4)
    project = try Project(directory: URL(fileURLWithPath: folder))
    self.day = day
    asOf = project.zone.midnight(day) + .seconds(8 * 3600)
    let dag = DAG("segment_refresh") { dag in dag.task("refresh", RefreshSegments()) }
    refresher = SegmentRefresher(project, pool: pool, recording: .steps(try StepRuns(of: dag)))
    customers = try await pool.query(
      "SELECT customer_id, customer_key FROM landing.identity ORDER BY customer_key"
    ).map { (try $0.get(0, as: Int64.self), try $0.get(1, as: String.self)) }
    var known: [String: Int16] = [:]
    for row in try await pool.query("SELECT name, kind_id FROM facts.event_kind") {
      known[try row.get("name")] = try row.get("kind_id", as: Int16.self)
    }
    kinds = EventFile.kinds.flatMap { kind in
      Array(
        repeating: (kind.name, known[kind.name] ?? 0, ["purchase", "refund"].contains(kind.name)),
        count: kind.share)
    }
    _ = try await pool.query("SELECT facts.ensure_months(\([day]))")
  }

  func close() async { await pool.close() }

  /// The first step, which looks at everyone; seconds.
  func begin() async throws -> Double {
    let start = ContinuousClock.now
    let step = try await refresher.step(to: asOf)
    guard refresher.holds(asOf) else { throw BenchError("expected a held day, found \(step)") }
    return start.duration(to: .now).inSeconds
  }

  /// One batch from its COPY to the commit of its transitions; milliseconds.
  func step(events count: Int) async throws -> (milliseconds: Double, step: RefreshStep) {
    let first = asOf
    asOf = asOf + .seconds(10)
    let batch = self.batch(count, from: first)
    let last = Instant(microseconds: asOf.microseconds - 1)
    let start = ContinuousClock.now
    let step = try await refresher.step(to: asOf) { connection in
      let load = try await connection.first(
        "SELECT landing.new_load('stream', \(first), \(last), \(Int64(count))) AS load_id")
      let id = try load?.get("load_id", as: Int64.self) ?? 0
      try await connection.copyIn(
        """
        COPY facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, item,
          quantity, amount, currency, event_id) FROM STDIN (FORMAT binary)
        """
      ) { try await $0.write(bytes: batch.events(load: id)) }
      try await connection.copyIn(
        """
        COPY landing.event_key (content, load_id, line, source_id, event_id)
        FROM STDIN (FORMAT binary)
        """
      ) { try await $0.write(bytes: batch.keys(load: id)) }
    }
    let milliseconds = start.duration(to: .now).inSeconds * 1000
    // As a watch does it between steps.
    try await refresher.tidy()
    guard step.kind == .touched, step.loads == 1, step.customers > 0 else {
      throw BenchError("expected a step of one load, found \(step)")
    }
    return (milliseconds, step)
  }

  /// Files through the loader, each with a step after it: from the start of the load to the commit.
  func throughLoader(events count: Int, steps: Int, folder: URL) async throws -> [Double] {
    let path = folder.appendingPathComponent("micro_batch.csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let catalogue = try Catalogues(
      project: project, environment: ["STRATA_BENCH_EVENTS": path]
    ).sources()
    guard let source = catalogue.sources.first else { throw BenchError("expected a source") }
    let loader = Loader(pool: pool)
    var times: [Double] = []
    for _ in 0..<steps {
      let first = asOf
      asOf = asOf + .seconds(10)
      try batch(count, from: first).csv.write(
        toFile: path, atomically: true, encoding: .utf8)
      let start = ContinuousClock.now
      let report = try await loader.load(source)
      let step = try await refresher.step(to: asOf)
      times.append(start.duration(to: .now).inSeconds * 1000)
      try await refresher.tidy()
      guard report.rowsAccepted == Int64(count), step.loads == 1 else {
        throw BenchError("expected \(count) events and a step of one load, found \(step)")
      }
    }
    return times
  }

  /// What readers see must be what everyone evaluated from nothing gives.
  func compare() async throws {
    let catalogues = Catalogues(project: project)
    let features = try catalogues.features()
    let segments = try catalogues.segments(features: features)
    let table = try await FeatureBuilder(pool: pool, zone: project.zone).advance(
      nil, to: asOf, features
    ).built.table
    let expected = try EvaluateSegments(segments)(over: table).evaluation
    let live = try await LiveMembership.load(pool)
    guard let live, live.isSame(as: expected) else {
      throw BenchError("the memberships differ from those of everyone built from nothing")
    }
    let rows = try await pool.first("SELECT count(*) FROM segments.open_spell")?
      .get(0, as: Int64.self)
    let members = expected.members.reduce(0) { $0 + $1.population }
    guard rows == Int64(members), members > 50_000 else {
      throw BenchError("expected \(members) memberships, found \(rows ?? -1)")
    }
  }

  // MARK: Batches

  /// Events of a batch, drawn as ``EventFile`` draws them.
  struct Batch: Sendable {
    struct Event: Sendable {
      let customer: (id: Int64, key: String)
      let at: Instant
      let kind: (name: String, id: Int16, isSale: Bool)
      let quantity: Int
      let cents: Int
      let item: Int
      let number: Int
    }
    var all: [Event] = []
    let at: Instant
    let source: Int16 = 1

    func events(load: Int64) -> [UInt8] {
      var encoder = BinaryCopyEncoder(columns: 11)
      for event in all {
        encoder.beginRow()
        encoder.append(int64: event.customer.id)
        encoder.append(instant: event.at.microseconds)
        encoder.append(instant: at.microseconds)
        encoder.append(int64: load)
        encoder.append(int16: event.kind.id)
        encoder.append(int16: source)
        encoder.append(text: "S\(event.item)")
        encoder.append(int64: event.kind.isSale ? Int64(event.quantity) : nil)
        if event.kind.isSale {
          encoder.append(numeric: Int64(event.quantity * event.cents) * 100, scale: 4)
        } else {
          encoder.appendNull()
        }
        encoder.append(text: event.kind.isSale ? "EUR" : nil)
        encoder.append(text: "M\(event.number)")
      }
      encoder.finish()
      return encoder.take()
    }

    func keys(load: Int64) -> [UInt8] {
      var encoder = BinaryCopyEncoder(columns: 5)
      for (line, event) in all.enumerated() {
        encoder.beginRow()
        encoder.append(int64: Int64(event.number) &* 0x9E37_79B9)
        encoder.append(int64: load)
        encoder.append(int64: Int64(line))
        encoder.append(int16: source)
        encoder.append(text: "M\(event.number)")
      }
      encoder.finish()
      return encoder.take()
    }

    var csv: String {
      EventFile.header
        + all.map { event in
          let sale =
            event.kind.isSale
            ? "\(event.quantity),\(event.cents / 100).\(String(format: "%02d", event.cents % 100)),EUR"
            : ",,"
          return
            "M\(event.number),\(event.kind.name),\(event.customer.key),"
            + "\(event.at),S\(event.item),\(sale),web\n"
        }.joined()
    }
  }

  private func batch(_ count: Int, from first: Instant) -> Batch {
    var batch = Batch(at: asOf)
    for position in 0..<count {
      let unit = Double(draw.below(1 << 20)) / Double(1 << 20)
      let place = Int(unit * unit * Double(customers.count))
      number += 1
      batch.all.append(
        Batch.Event(
          customer: customers[place],
          at: first + .microseconds(Int64(position) * 10_000_000 / Int64(count)),
          kind: kinds[draw.below(100)], quantity: 1 + draw.below(4), cents: 200 + draw.below(9800),
          item: draw.below(5000), number: number))
    }
    return batch
  }
}
