import Columns
import Schedules
import Warehouse

/// Takes erased customers out of the live publication, in the caller's transaction.
///
/// They leave their segments with the cause `erasure`. Their stays remain in the history under their
/// internal number, so that sizes of past days add up; who that was is told nowhere any more.
public enum MembershipErasure {
  /// What was done.
  public struct Outcome: Sendable, Equatable {
    /// The publication; nil where they were in no segment.
    public let publicationID: Int32?
    /// Memberships that ended.
    public let left: Int
    /// Evaluations not yet published that they were taken out of.
    public let evaluations: Int
  }

  /// Takes the publish lock until the transaction ends.
  public static func lock(on connection: Connection) async throws {
    try await connection.execute(SQL(file: "queries/segments/lock_publication.sql"))
  }

  /// Publishes that customers left, and takes them out of what may be published later.
  ///
  /// The caller holds the lock.
  /// - Throws: ``SegmentError`` `segments.live_evaluation_lost`, `segments.out_of_step`;
  ///   `WarehouseError`.
  public static func erase(
    _ customers: IDIndex, at now: Instant, on connection: Connection
  ) async throws -> Outcome {
    let evaluations = try await strike(customers, on: connection)
    guard let live = try await LiveMembership.load(on: connection) else {
      return Outcome(publicationID: nil, left: 0, evaluations: evaluations)
    }
    let step = StepPublication(erasing: customers, from: live)
    try await step.write(at: step.publishedAt(now), runID: nil, on: connection)
    let result = step.result
    return Outcome(
      publicationID: step.isEmpty ? nil : result.publicationID, left: result.left,
      evaluations: evaluations)
  }

  /// Takes customers out of evaluations that are not published: a run that is taken up again would
  /// have them enter.
  private static func strike(
    _ customers: IDIndex, on connection: Connection
  ) async throws -> Int {
    let rows = try await connection.query(
      SQL(file: "queries/erasure/list_unpublished_evaluations.sql"))
    var struck = 0
    for row in rows {
      let id: Int64 = try row.get("evaluation_id")
      let evaluation = try await EvaluationStore.load(id, on: connection)
      let places = customers.rows(in: evaluation.customers).filter { $0 >= 0 }
      let gone = Set(places.map(Int32.init))
      func erased(_ row: Int32) -> Bool { gone.contains(row) }
      let sets = rest(of: evaluation.members, without: places).map { ordinal, rest in
        SQL(
          file: "queries/erasure/update_evaluation_set.sql", id, Int32(ordinal),
          Int64(rest.population), EvaluationCodec.encode(rest))
      }
      var statements = sets
      if evaluation.differences.contains(where: { $0.customers.rows.contains(where: erased) }) {
        let rest = evaluation.differences.map { difference in
          MembershipDifference(difference.key, difference.customers.filter { !erased(Int32($0)) })
        }
        statements.append(
          SQL(
            file: "queries/erasure/update_evaluation_differences.sql", id,
            evaluation.differing(rest).encodedDifferences))
      }
      if statements.isEmpty { continue }
      struck += 1
      _ = try await connection.pipeline(statements)
    }
    return struck
  }

  /// The sets that hold some rows, by their place, without them.
  private static func rest(
    of sets: [Bitset], without places: [Int]
  ) -> [(place: Int, rest: Bitset)] {
    sets.enumerated().filter { _, set in places.contains { set[$0] } }.map { place, set in
      var rest = set
      for place in places { rest[place] = false }
      return (place, rest)
    }
  }
}
