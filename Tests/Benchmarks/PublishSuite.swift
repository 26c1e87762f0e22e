import Columns
import Foundation
import Schedules
import Segments
import Synchronization
import TestSupport
import Warehouse

/// Publications of which 1 % or 10 % of the memberships turn, beside the COPY of the same rows into
/// tables with the same indexes, and what readers notice of them.
struct PublishSuite: Suite {
  static let name = "publish"
  static let purpose = "1,000,000 customers, 3,000,000 memberships, 1 % and 10 % of them turn"
  private static let segments = 10
  private static let rounds = 5
  private static let roundsWithReaders = 3

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  private static var customers: Int { RulesSuite.customers }

  func run() async throws -> [Measurement] {
    try bench.clone("publish")
    let pool = ConnectionPool(ConnectionOptions(bench.url(of: "publish")), limit: 6)
    do {
      let rows = try await measure(pool)
      await pool.close()
      try bench.discard(databases: ["publish"], files: [])
      return rows
    } catch {
      await pool.close()
      throw error
    }
  }

  /// Ours, and the same rows by COPY alone.
  private struct Times {
    var ours: [Double] = []
    var copy: [Double] = []
    var rows: [Int] = []
  }

  private func measure(_ pool: ConnectionPool) async throws -> [Measurement] {
    var world = World(customers: Self.customers, segments: Self.segments)
    try await pool.execute(
      """
      INSERT INTO facts.customers (customer_id, customer_key)
      SELECT i, 'C' || i FROM generate_series(1, \(Int64(Self.customers))) AS i
      """)
    let first = try await publish(world, pool)
    say("  the first publication: \(ResultTable.value(first.seconds, "s")), \(first.rows) rows")
    try await makeFloor(pool)
    try bench.settle("publish")
    let (_, idle) = try await Readers.watch(pool) { try await Task.sleep(for: .seconds(2)) }
    var lines: [Measurement] = []
    for percent in [1, 10] {
      var times = Times()
      var during = Readers.Seen()
      for round in 0..<Self.rounds + Self.roundsWithReaders {
        let turned = world.turn(percent: percent)
        let next = world
        let rows: Int
        if round < Self.rounds {
          // Nobody reads: nobody does while the COPY is timed either.
          let published = try await publish(next, pool)
          rows = published.rows
          times.ours.append(published.seconds)
          times.rows.append(rows)
          times.copy.append(try await copy(turned, of: next, pool))
        } else {
          let (published, seen) = try await Readers.watch(pool) { try await publish(next, pool) }
          rows = published.rows
          during.add(seen)
        }
        guard rows == turned.count else {
          throw BenchError("expected \(turned.count) memberships to turn, found \(rows)")
        }
      }
      say(
        "  \(percent) %: \(times.rows.reduce(0, +) / Self.rounds) rows a publication, readers "
          + "\(during.lookups.count) look-ups and \(during.counts.count) counts meanwhile")
      lines.append(
        Measurement(
          suite: Self.name, what: "\(percent) % turn, against the COPY of these rows", unit: "s",
          ours: median(times.ours), peer: median(times.copy), goal: .ratioAtLeast(1 / 1.5)))
      lines += [
        reading("a customer's segments, p95, at \(percent) %", during.lookups, idle.lookups),
        reading("members by segment, p95, at \(percent) %", during.counts, idle.counts),
      ]
    }
    return lines
  }

  private func reading(_ what: String, _ during: [Double], _ idle: [Double]) -> Measurement {
    Measurement(
      suite: Self.name, what: "\(what), against nobody publishing", unit: "ms",
      ours: Readers.p95(during), peer: Readers.p95(idle), goal: .none)
  }

  // MARK: Ours

  /// Publishes what the world is now: the seconds of the publication itself and the rows it turned.
  private func publish(
    _ world: World, _ pool: ConnectionPool
  ) async throws -> (seconds: Double, rows: Int) {
    let id = try await EvaluationStore(pool: pool).save(world.evaluation, runID: nil)
    let start = ContinuousClock().now
    let result = try await Publisher(pool: pool).publish(
      evaluationID: id, runID: nil, activity: .customers(IDIndex(sorted: [])))
    return (start.duration(to: ContinuousClock().now).inSeconds, result.rowsChanged)
  }

  // MARK: The floor

  /// Tables as those that publications write, with the same rows and indexes.
  private func makeFloor(_ pool: ConnectionPool) async throws {
    try await pool.withConnection { connection in
      try await connection.script(
        """
        CREATE SCHEMA floor;
        CREATE TABLE floor.open_spell (LIKE segments.open_spell INCLUDING ALL);
        CREATE TABLE floor.ended_spell (LIKE segments.ended_spell INCLUDING ALL);
        INSERT INTO floor.open_spell SELECT * FROM segments.open_spell;
        """)
    }
  }

  /// Writes the same rows by COPY in one transaction: those who enter to one table, those who leave to
  /// the other.
  private func copy(
    _ turned: [Turn], of world: World, _ pool: ConnectionPool
  ) async throws -> Double {
    // The rows of those who enter must be new: those that leave make room before, beside the clock.
    let (entering, leaving) = (turned.filter(\.enters), turned.filter { !$0.enters })
    for turns in [entering, leaving] {
      try await pool.execute(
        """
        DELETE FROM floor.open_spell AS o
        USING unnest(\(turns.map(\.customer)), \(turns.map(\.segment))) AS d(customer_id, segment_id)
        WHERE o.customer_id = d.customer_id AND o.segment_id = d.segment_id
        """)
    }
    let (since, now) = (Instant(seconds: 0), world.evaluation.asOf)
    let opened = try await bytes(
      """
      SELECT d.customer_id, \(now)::timestamptz, d.segment_id, \(world.day)::integer, 1,
        'time'::segments.cause
      FROM unnest(\(entering.map(\.customer)), \(entering.map(\.segment)))
        AS d(customer_id, segment_id)
      """, pool)
    let ended = try await bytes(
      """
      SELECT d.customer_id, \(since)::timestamptz, \(now)::timestamptz, d.segment_id,
        \(-world.day)::integer, \(world.day)::integer, NULL::integer, 1, 1, 'time'::segments.cause,
        'time'::segments.cause
      FROM unnest(\(leaving.map(\.customer)), \(leaving.map(\.segment)))
        AS d(customer_id, segment_id)
      """, pool)
    let start = ContinuousClock().now
    try await pool.transaction { connection in
      let entry = ["customer_id", "valid_from"]
      let record = ["segment_id", "opened_in"]
      for (table, columns, rows) in [
        ("open_spell", entry + record + ["entered_version", "entered_cause"], opened),
        (
          "ended_spell",
          entry + ["valid_to"] + record + [
            "closed_in", "superseded_in", "entered_version", "left_version", "entered_cause",
            "left_cause",
          ], ended
        ),
      ] {
        try await connection.copyIn(
          """
          COPY \(identifier: "floor", table) (\(identifiers: columns)) FROM STDIN (FORMAT binary)
          """
        ) { writer in
          for first in stride(from: 0, to: rows.count, by: 1 << 18) {
            try await writer.write(bytes: Array(rows[first..<min(rows.count, first + 1 << 18)]))
          }
        }
      }
    }
    return start.duration(to: ContinuousClock().now).inSeconds
  }

  /// The rows of a query in COPY's binary form.
  private func bytes(_ query: SQL, _ pool: ConnectionPool) async throws -> [UInt8] {
    try await pool.withConnection { connection in
      try await connection.copyOut(
        "COPY (\(fragment: query)) TO STDOUT (FORMAT binary)", into: [UInt8]()
      ) { $0.append(contentsOf: $1) }
    }
  }
}

/// One membership that turns.
struct Turn: Sendable {
  let customer: Int64
  let segment: Int32
  let enters: Bool
}

/// Customers and their segments from day to day.
private struct World: Sendable {
  private(set) var day: Int32 = 1
  private let customers: IDIndex
  private var sets: [Bitset]
  private var random = SplitMix64(seed: 900)

  init(customers: Int, segments: Int) {
    self.customers = IDIndex(sorted: (1...Int64(customers)).map { $0 })
    var random = SplitMix64(seed: 901)
    sets = (0..<segments).map { _ in
      Bitset(count: customers) { _ in Int.random(in: 0..<10, using: &random) < 3 }
    }
  }

  var evaluation: SegmentEvaluation {
    SegmentEvaluation(
      asOf: Instant(seconds: Int64(day) * 86_400), customers: customers,
      segments: sets.indices.map { number in
        SegmentDefinition(
          name: "s\(number)", title: "Segment \(number)", description: "", priority: number,
          rule: "rule", ruleVersion: "v1", usesScore: false)
      }, members: sets)
  }

  /// Another day: of each segment that share of the members leaves, and as many others enter.
  mutating func turn(percent: Int) -> [Turn] {
    day += 1
    var turned: [Turn] = []
    for segment in sets.indices {
      let moves = sets[segment].population * percent / 200
      for enters in [true, false] {
        var left = moves
        while left > 0 {
          let row = Int.random(in: 0..<customers.count, using: &random)
          let id = customers.ids[row]
          // Somebody who turned already today stays as it is.
          guard sets[segment][row] != enters, !touched.contains(row, segment) else { continue }
          sets[segment][row] = enters
          touched.add(row, segment)
          turned.append(Turn(customer: id, segment: Int32(segment + 1), enters: enters))
          left -= 1
        }
      }
    }
    touched = Touched()
    return turned
  }

  private struct Touched {
    private var pairs: Set<Int> = []
    func contains(_ row: Int, _ segment: Int) -> Bool { pairs.contains(row << 8 | segment) }
    mutating func add(_ row: Int, _ segment: Int) { pairs.insert(row << 8 | segment) }
  }
  private var touched = Touched()
}

/// Analysts who read without a pause while something else goes on.
private enum Readers {
  /// Milliseconds of each reading.
  struct Seen: Sendable {
    var lookups: [Double] = []
    var counts: [Double] = []
    mutating func add(_ other: Seen) {
      lookups += other.lookups
      counts += other.counts
    }
  }

  /// Set once the body has ended.
  private final class End: Sendable {
    private let isReached = Atomic(false)
    var isOver: Bool { isReached.load(ordering: .relaxed) }
    func reach() { isReached.store(true, ordering: .relaxed) }
  }

  /// Reads while a body runs.
  static func watch<Result: Sendable>(
    _ pool: ConnectionPool, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> (Result, Seen) {
    let end = End()
    async let lookups = reading(pool, until: end) { number in
      let customer = (number * 7919) % Int64(RulesSuite.customers)
      return "SELECT segment, since FROM segments.membership WHERE customer_id = \(customer)"
    }
    async let counts = reading(pool, until: end) { _ in
      "SELECT segment, count(*) FROM segments.membership GROUP BY segment"
    }
    let result: Result
    do {
      result = try await body()
      end.reach()
    } catch {
      end.reach()
      throw error
    }
    return (result, try await Seen(lookups: lookups, counts: counts))
  }

  private static func reading(
    _ pool: ConnectionPool, until end: End, _ query: @escaping @Sendable (Int64) -> SQL
  ) async throws -> [Double] {
    var times: [Double] = []
    while !end.isOver {
      times.append(try await time(pool, query(Int64(times.count))))
    }
    return times
  }

  private static func time(_ pool: ConnectionPool, _ sql: SQL) async throws -> Double {
    let start = ContinuousClock().now
    _ = try await pool.query(sql)
    return start.duration(to: ContinuousClock().now).inSeconds * 1000
  }

  static func p95(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
  }
}
