import Columns
import Schedules
import Warehouse

/// A way of losing a segment, as the database knows it.
struct Suppression: Hashable, Sendable {
  /// The segment lost, internal number.
  let segment: Int32
  /// The segment that won; nil where none did.
  let winner: Int32?
  /// `override`, `group` or `cap`.
  let reason: String
  /// The full channel; nil for other reasons.
  let channel: String?

  init(segment: Int32, winner: Int32?, reason: String, channel: String?) {
    self.segment = segment
    self.winner = winner
    self.reason = reason
    self.channel = channel
  }

  /// - Returns: nil for a difference that takes nothing away.
  init?(_ key: MembershipDifference.Key, segment: Int32, winner: Int32?) {
    switch key.reason {
    case .pinnedIn, .fallback: return nil
    case .pinnedOut: self.init(segment: segment, winner: nil, reason: "override", channel: nil)
    case .group: self.init(segment: segment, winner: winner, reason: "group", channel: nil)
    case .cap: self.init(segment: segment, winner: winner, reason: "cap", channel: key.channel)
    }
  }
}

/// Losses that begin and losses that end.
struct SuppressionChanges: Sendable {
  private var ending: (customers: [Int64], segments: [Int32]) = ([], [])
  private var beginning: (customers: [Int64], losses: [Suppression]) = ([], [])

  mutating func end(_ customer: Int64, _ loss: Suppression) {
    ending.customers.append(customer)
    ending.segments.append(loss.segment)
  }

  mutating func begin(_ customer: Int64, _ loss: Suppression) {
    beginning.customers.append(customer)
    beginning.losses.append(loss)
  }

  /// The statements that record them, none for no changes; those that end come first.
  ///
  /// - Parameter next: the first published as-of after it; nil for none.
  func statements(at asOf: Instant, before next: Instant?) -> [SQL] {
    var result: [SQL] = []
    if !ending.customers.isEmpty {
      result.append(
        SQL(
          file: "queries/segments/end_suppressions.sql", asOf, next, ending.customers,
          ending.segments))
    }
    if !beginning.customers.isEmpty {
      let losses = beginning.losses
      result.append(
        SQL(
          file: "queries/segments/begin_suppressions.sql", asOf, next, beginning.customers,
          losses.map(\.segment), losses.map { $0.winner ?? 0 }, losses.map(\.reason),
          losses.map { $0.channel ?? "" }))
    }
    return result
  }
}

/// Records what everyone loses at an as-of, in the transaction that publishes it.
///
/// The record is compared with, not a publication: whatever the order in which days are published, the
/// record of each published as-of is that of the publication that is believed of it.
struct SuppressionRecord {
  private let connection: Connection

  init(_ connection: Connection) { self.connection = connection }

  /// - Parameter segments: the internal number of each segment, by name.
  func write(_ evaluation: SegmentEvaluation, segments: [String: Int32]) async throws {
    let asOf = evaluation.asOf
    let rows = try await connection.pipeline([
      SQL(file: "queries/segments/select_suppressions.sql", asOf),
      SQL(file: "queries/segments/select_as_of_after.sql", asOf),
    ])
    var changes = SuppressionChanges()
    var left = try lost(evaluation, segments)
    for row in rows[0] {
      let loss = Suppression(
        segment: try row.get("segment_id"), winner: try row.get("winner_id"),
        reason: try row.get("reason"), channel: try row.get("channel"))
      let now = left.removeValue(forKey: loss)
      var isKept = Bitset(count: evaluation.customers.count)
      for customer in try row.get("customers", as: [Int64].self) {
        if let row = evaluation.customers.row(of: customer), now?[row] ?? false {
          isKept[row] = true
        } else {
          changes.end(customer, loss)
        }
      }
      now?.subtracting(isKept).forEach { changes.begin(evaluation.customers.ids[$0], loss) }
    }
    for (loss, rows) in left {
      rows.forEach { changes.begin(evaluation.customers.ids[$0], loss) }
    }
    let next = try rows[1].first?.get("as_of", as: Instant?.self)
    let statements = changes.statements(at: asOf, before: next)
    if !statements.isEmpty { _ = try await connection.pipeline(statements) }
  }

  private func lost(
    _ evaluation: SegmentEvaluation, _ ids: [String: Int32]
  ) throws -> [Suppression: Bitset] {
    func id(_ ordinal: Int) throws -> Int32 {
      let name = evaluation.segments[ordinal].name
      if let id = ids[name] { return id }
      throw SegmentError(
        code: "segments.out_of_step",
        message: "expected segment '\(name)' to have a number, found none")
    }
    var lost: [Suppression: Bitset] = [:]
    for difference in evaluation.differences {
      let key = difference.key
      guard
        let loss = Suppression(
          key, segment: try id(key.segment), winner: try key.winner.map { try id($0) })
      else { continue }
      let known = lost[loss]
      lost[loss] = known.map { $0 | difference.customers } ?? difference.customers
    }
    return lost
  }
}
