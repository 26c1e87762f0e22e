import Columns
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Segments

/// What was lost on each published day, in whatever order the days are published.
@Suite("The record of what conflicts took away")
struct DecisionRecordTests {
  private static let names = ["a", "b", "c"]

  /// Random losses of some customers: by segment the winner and the reason.
  private func evaluation(_ day: Int, _ random: inout SplitMix64) -> SegmentEvaluation {
    let customers = IDIndex((1...12).map { Int64($0) })
    var rows: [MembershipDifference.Key: [Int]] = [:]
    for row in customers.ids.indices {
      for segment in 0..<3 where Int.random(in: 0..<3, using: &random) == 0 {
        let winner = (segment + 1) % 3
        let keys = [
          MembershipDifference.Key(segment: segment, reason: .group, winner: winner, isRuled: true),
          .init(segment: segment, reason: .group, winner: winner, isRuled: false),
          .init(segment: segment, reason: .cap, winner: winner, channel: "email", isRuled: true),
          .init(segment: segment, reason: .pinnedOut, isRuled: true),
          .init(segment: segment, reason: .pinnedIn, isRuled: false),
        ]
        if let key = keys.randomElement(using: &random) { rows[key, default: []].append(row) }
      }
    }
    return SegmentEvaluation(
      asOf: SegmentsProject.day(day), customers: customers,
      segments: Self.names.map { SegmentsProject.definition($0) },
      members: Self.names.map { _ in Bitset(count: 12) },
      differences: rows.map { MembershipDifference($0.key, SparseRows($0.value)) })
  }

  private func lines(_ evaluation: SegmentEvaluation) -> Set<String> {
    var lines: Set<String> = []
    for difference in evaluation.differences where !difference.key.isMember {
      let key = difference.key
      let reason = key.reason == .pinnedOut ? "override" : key.reason.rawValue
      let winner = key.winner.map { Self.names[$0] } ?? ""
      difference.customers.forEach { row in
        let customer = evaluation.customers.ids[row]
        lines.insert(
          "\(customer) \(Self.names[key.segment]) \(reason) \(winner) \(key.channel ?? "")")
      }
    }
    return lines
  }

  @Test("Days in random order, some of them again, leave each day's last", arguments: [1, 2])
  func anyOrder(_ seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let days = ((1...9) + (1...9).shuffled(using: &random).prefix(5)).shuffled(using: &random)
    let evaluations = days.map { (day: $0, evaluation: evaluation($0, &random)) }
    try await withFreshDatabase { pool in
      try await pool.execute(
        """
        INSERT INTO segments.segment (
          segment_id, name, title, description, rank, version_id, uses_score, is_live)
        SELECT i, name, name, '', i, 1, false, true
        FROM unnest(\(Self.names)) WITH ORDINALITY AS s (name, i)
        """)
      var expected: [Int: Set<String>] = [:]
      for (place, (day, evaluation)) in evaluations.enumerated() {
        expected[day] = lines(evaluation)
        try await pool.transaction { connection in
          try await connection.execute(
            """
            INSERT INTO segments.publication_record (publication_id, as_of, published_at)
            VALUES (\(Int32(place + 1)), \(evaluation.asOf), \(SegmentsProject.day(100 + place)))
            """)
          var record = DecisionRecord(connection)
          try await record.write(evaluation, segments: ["a": 1, "b": 2, "c": 3])
        }
        for (day, lines) in expected {
          #expect(try await seen(pool, day) == lines, "day \(day) after \(place)")
        }
      }
      // The same days in their order, in one transaction, are read the same way.
      try await pool.execute("TRUNCATE segments.decision")
      let last = expected.keys.sorted().compactMap { day in
        evaluations.last { $0.day == day }?.evaluation
      }
      try await pool.transaction { connection in
        var record = DecisionRecord(connection)
        for evaluation in last {
          try await record.write(evaluation, segments: ["a": 1, "b": 2, "c": 3])
        }
      }
      for (day, lines) in expected { #expect(try await seen(pool, day) == lines, "day \(day)") }
    }
  }

  private func seen(_ pool: ConnectionPool, _ day: Int) async throws -> Set<String> {
    Set(
      try await pool.query(
        """
        SELECT customer_id || ' ' || segment || ' ' || reason || ' ' || coalesce(winner, '') || ' '
          || coalesce(channel, '') AS line
        FROM segments.suppressed WHERE as_of = \(SegmentsProject.day(day))
        """
      ).map { try $0.get("line", as: String.self) })
  }
}
