import Columns
import Schedules
import Warehouse

/// What is decided about a customer and a segment besides the rule, as the database knows it.
struct Decision: Hashable, Sendable {
  /// The segment, internal number.
  let segment: Int32
  /// The segment that won; nil where none did.
  let winner: Int32?
  let reason: MembershipDifference.Reason
  /// The full channel; nil for other reasons.
  let channel: String?

  init(_ key: MembershipDifference.Key, segment: Int32, winner: Int32?) {
    self.segment = segment
    self.winner = winner
    reason = key.reason
    channel = key.channel
  }

  /// - Throws: `segments.unknown_decision` for one of a newer release.
  init(_ row: Row) throws {
    let text = try row.get("reason", as: String.self)
    guard let reason = MembershipDifference.Reason(rawValue: text) else {
      throw SegmentError(
        code: "segments.unknown_decision", message: "expected a reason, found '\(text)'",
        hint: "the database is of a newer release; update this program")
    }
    self.reason = reason
    segment = try row.get("segment_id")
    winner = try row.get("winner_id")
    channel = try row.get("channel")
  }
}

/// Decisions that begin and decisions that end.
struct DecisionChanges: Sendable {
  private var ending: (customers: [Int64], segments: [Int32]) = ([], [])
  private var beginning: (customers: [Int64], decisions: [Decision]) = ([], [])

  mutating func end(_ customer: Int64, _ decision: Decision) {
    ending.customers.append(customer)
    ending.segments.append(decision.segment)
  }

  mutating func begin(_ customer: Int64, _ decision: Decision) {
    beginning.customers.append(customer)
    beginning.decisions.append(decision)
  }

  /// What turns the customers of a decision into others; both ascend.
  mutating func add(_ decision: Decision, from before: [Int64], to now: [Int64]) {
    var (old, new) = (before[...], now[...])
    while let first = old.first ?? new.first {
      let customer = min(old.first ?? first, new.first ?? first)
      let (was, isNow) = (old.first == customer, new.first == customer)
      if was { old.removeFirst() }
      if isNow { new.removeFirst() }
      if was, !isNow { end(customer, decision) }
      if isNow, !was { begin(customer, decision) }
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
          file: "queries/segments/end_decisions.sql", asOf, next, ending.customers,
          ending.segments))
    }
    if !beginning.customers.isEmpty {
      let decisions = beginning.decisions
      result.append(
        SQL(
          file: "queries/segments/begin_decisions.sql", asOf, next, beginning.customers,
          decisions.map(\.segment), decisions.map { $0.winner ?? 0 },
          decisions.map(\.reason.rawValue), decisions.map { $0.channel ?? "" }))
    }
    return result
  }
}

/// Records what is decided about everyone at an as-of, in the transaction that publishes it.
///
/// The record is compared with, not a publication: whatever the order in which days are published, the
/// record of each published as-of is that of the publication that is believed of it. Of several
/// publications in a row, the record is read once.
struct DecisionRecord: Sendable {
  /// The customers of each decision, ascending.
  typealias Decisions = [Decision: [Int64]]

  private let connection: Connection
  /// What is on record of the as-of written last, and up to the one published after it.
  private var known: (decisions: Decisions, next: Instant?)?

  init(_ connection: Connection) { self.connection = connection }

  /// What is on record at an as-of.
  static func read(at asOf: Instant, on connection: Connection) async throws -> Decisions {
    try decisions(
      await connection.query(SQL(file: "queries/segments/select_decisions.sql", asOf)))
  }

  private static func decisions(_ rows: [Row]) throws -> Decisions {
    var found: Decisions = [:]
    for row in rows {
      found[try Decision(row)] = try row.get("customers", as: [Int64].self).sorted()
    }
    return found
  }

  /// Whether writing what is decided of an evaluation takes the connection.
  func needsConnection(for evaluation: SegmentEvaluation) -> Bool {
    guard let known, known.next == nil else { return true }
    return !known.decisions.isEmpty || !evaluation.differences.isEmpty
  }

  /// - Parameter segments: the internal number of each segment, by name.
  mutating func write(_ evaluation: SegmentEvaluation, segments: [String: Int32]) async throws {
    let now = try Self.decisions(evaluation, segments)
    let before: Decisions
    let next: Instant?
    if let known, known.next.map({ evaluation.asOf < $0 }) ?? true {
      before = known.decisions
      next = known.next
    } else {
      let rows = try await connection.pipeline([
        SQL(file: "queries/segments/select_decisions.sql", evaluation.asOf),
        SQL(file: "queries/segments/select_as_of_after.sql", evaluation.asOf),
      ])
      before = try Self.decisions(rows[0])
      next = try rows[1].first?.get("as_of", as: Instant?.self)
    }
    var changes = DecisionChanges()
    for decision in Set(before.keys).union(now.keys) {
      changes.add(decision, from: before[decision] ?? [], to: now[decision] ?? [])
    }
    known = (now, next)
    let statements = changes.statements(at: evaluation.asOf, before: next)
    if !statements.isEmpty { _ = try await connection.pipeline(statements) }
  }

  /// The decisions of an evaluation.
  static func decisions(
    _ evaluation: SegmentEvaluation, _ ids: [String: Int32]
  ) throws -> Decisions {
    func id(_ ordinal: Int) throws -> Int32 {
      let name = evaluation.segments[ordinal].name
      if let id = ids[name] { return id }
      throw SegmentError(
        code: "segments.out_of_step",
        message: "expected segment '\(name)' to have a number, found none")
    }
    var found: Decisions = [:]
    for difference in evaluation.differences {
      let key = difference.key
      let decision = Decision(
        key, segment: try id(key.segment), winner: try key.winner.map { try id($0) })
      let customers = difference.customers.rows.map { evaluation.customers.ids[Int($0)] }
      found[decision, default: []] += customers
    }
    // Of members by rule and of pinned ones it is one decision here.
    return found.mapValues { $0.sorted() }
  }

  /// By segment, who is in it or not because of what.
  ///
  /// - Parameter index: the customers whose rows are set; others are left out.
  static func marks(
    _ decisions: Decisions, over index: IDIndex
  ) -> [Int32: DecidedCauses.Marks] {
    var marks: [Int32: DecidedCauses.Marks] = [:]
    for (decision, customers) in decisions {
      var rows = Bitset(count: index.count)
      for customer in customers {
        if let row = index.row(of: customer) { rows[row] = true }
      }
      let known = marks[decision.segment]?[decision.reason.cause]
      marks[decision.segment, default: [:]][decision.reason.cause] = known.map { $0 | rows } ?? rows
    }
    return marks
  }
}
