import Columns
import Foundation
import Rules
import Schedules
import Warehouse

/// Evaluations in the database: written by the task that evaluates, read by the one that publishes.
public struct EvaluationStore: Sendable {
  let pool: ConnectionPool
  private let clock: any WallClock

  /// A store in one project's database.
  public init(pool: ConnectionPool, clock: any WallClock = SystemClock()) {
    self.pool = pool
    self.clock = clock
  }

  /// Stores an evaluation.
  ///
  /// Old ones are removed by publishing, not here.
  /// - Parameters:
  ///   - runID: the run that made it; nil outside a run.
  ///   - cuts: where top and bottom conditions cut, which is kept for explanations.
  /// - Returns: its id, which is what goes from task to task.
  public func save(
    _ evaluation: SegmentEvaluation, runID: Int64?, cuts: [PercentileCut] = []
  ) async throws -> Int64 {
    let definitions = try Self.json(evaluation.segments)
    let now = clock.now()
    let head = SQL(
      file: "queries/segments/insert_evaluation.sql", evaluation.asOf, now, runID,
      Int64(evaluation.customers.count), JSONText(definitions),
      EvaluationCodec.encode(evaluation.customers), evaluation.encodedDifferences)
    return try await pool.transaction { connection in
      guard let row = try await connection.first(head) else {
        throw SegmentError(
          code: "segments.evaluation_not_stored", message: "expected an evaluation id, found none",
          isPermanent: false)
      }
      let id = try row.get("evaluation_id", as: Int64.self)
      try await Self.write(evaluation.members, of: id, on: connection)
      if !cuts.isEmpty {
        try await connection.execute(
          SQL(
            file: "queries/segments/insert_population_cuts.sql", evaluation.asOf, now,
            cuts.map(\.condition), cuts.map(\.cut), cuts.map { Int64($0.population) },
            cuts.map { Int64($0.members) }, cuts.map(\.isDegenerate)))
      }
      return id
    }
  }

  /// Writes the sets of an evaluation, in the order of its segments.
  private static func write(
    _ sets: [Bitset], of id: Int64, on connection: Connection
  ) async throws {
    if sets.isEmpty { return }
    _ = try await connection.copyIn(
      """
      COPY segments.evaluation_set (evaluation_id, ordinal, members, bits)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      var encoder = BinaryCopyEncoder(columns: 4)
      for (ordinal, set) in sets.enumerated() {
        encoder.beginRow()
        encoder.append(int64: id)
        encoder.append(int32: Int32(ordinal))
        encoder.append(int64: Int64(set.population))
        encoder.append(bytes: EvaluationCodec.encode(set))
        if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
      }
      encoder.finish()
      try await writer.write(bytes: encoder.take())
    }
  }

  /// A stored evaluation.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_evaluation` where it was never stored or has been
  ///   removed, `segments.evaluation_damaged`.
  public func load(_ id: Int64) async throws -> SegmentEvaluation {
    try await pool.withConnection { try await Self.load(id, on: $0) }
  }

  static func load(_ id: Int64, on connection: Connection) async throws -> SegmentEvaluation {
    guard
      let head = try await connection.first(
        SQL(file: "queries/segments/select_evaluation.sql", id))
    else { throw unknown(id) }
    let count = Int(try head.get("customers", as: Int64.self))
    let customers = try EvaluationCodec.decodeIndex(
      head.get("ids", as: [UInt8].self), count: count)
    let segments = try definitions(head.get("segments", as: JSONText.self).text)
    let sets = try await connection.query(
      SQL(file: "queries/segments/select_evaluation_sets.sql", id))
    guard sets.count == segments.count else {
      throw SegmentError(
        code: "segments.evaluation_damaged",
        message: "expected \(segments.count) sets in evaluation \(id), found \(sets.count)",
        hint: "evaluate and publish the interval again")
    }
    return SegmentEvaluation(
      asOf: try head.get("as_of"), customers: customers, segments: segments,
      members: try sets.map {
        try EvaluationCodec.decodeSet($0.get("bits", as: [UInt8].self), count: count)
      },
      differences: try SegmentEvaluation.differences(
        decoding: head.get("differences"), of: customers, segments: segments.count))
  }

  static func unknown(_ id: Int64) -> SegmentError {
    SegmentError(
      code: "segments.unknown_evaluation",
      message: "expected evaluation \(id), found none",
      hint: "evaluations are removed once a later one is published; evaluate again")
  }

  /// The instant of a stored evaluation; nil where there is none.
  static func asOf(of id: Int64, on connection: Connection) async throws -> Instant? {
    try await connection.first(SQL(file: "queries/segments/select_evaluation_time.sql", id))?
      .get("as_of")
  }

  /// The customers of a stored evaluation; nil where there is none.
  static func customers(of id: Int64, on connection: Connection) async throws -> IDIndex? {
    let head = try await connection.first(
      SQL(file: "queries/segments/select_evaluation.sql", id))
    return try head.map {
      try EvaluationCodec.decodeIndex(
        $0.get("ids", as: [UInt8].self), count: Int($0.get("customers", as: Int64.self)))
    }
  }

  private static func definitions(_ text: String) throws -> [SegmentDefinition] {
    do {
      return try JSONDecoder().decode([SegmentDefinition].self, from: Data(text.utf8))
    } catch {
      throw SegmentError(
        code: "segments.evaluation_damaged",
        message: "expected the definitions of segments as JSON, found \(error)",
        hint: "evaluate and publish the interval again")
    }
  }

  /// Stable JSON of a value.
  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
