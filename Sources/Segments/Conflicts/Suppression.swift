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

  /// What turns the customers of a loss into others; both ascend.
  mutating func add(_ loss: Suppression, from before: [Int64], to now: [Int64]) {
    var (old, new) = (before[...], now[...])
    while let first = old.first ?? new.first {
      let customer = min(old.first ?? first, new.first ?? first)
      let (was, isNow) = (old.first == customer, new.first == customer)
      if was { old.removeFirst() }
      if isNow { new.removeFirst() }
      if was, !isNow { end(customer, loss) }
      if isNow, !was { begin(customer, loss) }
    }
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
/// record of each published as-of is that of the publication that is believed of it. Of several
/// publications in a row, the record is read once.
struct SuppressionRecord: Sendable {
  private let connection: Connection
  /// What is on record of the as-of written last, and up to the one published after it.
  private var known: (lost: [Suppression: [Int64]], next: Instant?)?

  init(_ connection: Connection) { self.connection = connection }

  /// - Parameter segments: the internal number of each segment, by name.
  mutating func write(_ evaluation: SegmentEvaluation, segments: [String: Int32]) async throws {
    let lost = try lost(evaluation, segments)
    var changes = SuppressionChanges()
    var next: Instant?
    if let known, known.next.map({ evaluation.asOf < $0 }) ?? true {
      next = known.next
      for loss in Set(known.lost.keys).union(lost.keys) {
        changes.add(loss, from: known.lost[loss] ?? [], to: lost[loss] ?? [])
      }
    } else {
      let rows = try await connection.pipeline([
        SQL(file: "queries/segments/select_suppressions.sql", evaluation.asOf),
        SQL(file: "queries/segments/select_as_of_after.sql", evaluation.asOf),
      ])
      var left = lost
      for row in rows[0] {
        let loss = Suppression(
          segment: try row.get("segment_id"), winner: try row.get("winner_id"),
          reason: try row.get("reason"), channel: try row.get("channel"))
        changes.add(
          loss, from: try row.get("customers", as: [Int64].self).sorted(),
          to: left.removeValue(forKey: loss) ?? [])
      }
      for (loss, customers) in left { changes.add(loss, from: [], to: customers) }
      next = try rows[1].first?.get("as_of", as: Instant?.self)
    }
    known = (lost, next)
    let statements = changes.statements(at: evaluation.asOf, before: next)
    if !statements.isEmpty { _ = try await connection.pipeline(statements) }
  }

  private func lost(
    _ evaluation: SegmentEvaluation, _ ids: [String: Int32]
  ) throws -> [Suppression: [Int64]] {
    func id(_ ordinal: Int) throws -> Int32 {
      let name = evaluation.segments[ordinal].name
      if let id = ids[name] { return id }
      throw SegmentError(
        code: "segments.out_of_step",
        message: "expected segment '\(name)' to have a number, found none")
    }
    var lost: [Suppression: [Int64]] = [:]
    for difference in evaluation.differences {
      let key = difference.key
      guard
        let loss = Suppression(
          key, segment: try id(key.segment), winner: try key.winner.map { try id($0) })
      else { continue }
      lost[loss, default: []] += difference.customers.rows.map { evaluation.customers.ids[Int($0)] }
    }
    // A loss of the rule's members and of pinned ones is one here.
    return lost.mapValues { $0.sorted() }
  }
}
