import Columns
import Schedules
import Warehouse

/// Publishes what a step found of few customers, in the caller's transaction.
///
/// Nightly publications store a whole evaluation and compare the next one with it. A step must not
/// write that much, and the next night must not compare with something stale, so a step stores what it
/// turned (`segments.evaluation_change`) and refers to the whole evaluation of the publication before
/// it. The live evaluation is that whole one with all its changes up to the live publication; whoever
/// publishes everyone reads it so and starts a new one.
///
/// The publish lock is held from ``opening(_:)`` to the commit: what the memberships in memory are
/// compared with stays what readers see.
public struct StepPublication: Sendable {
  /// What a step did to the memberships.
  public struct Result: Sendable, Hashable {
    /// The publication, or the live one where nothing was published.
    public let publicationID: Int32
    /// Memberships that began.
    public let entered: Int
    /// Memberships that ended.
    public let left: Int
    /// The customers concerned.
    public let customers: Int
  }

  /// How the memberships in memory relate to the live ones.
  public enum Standing: Sendable {
    /// They are the live ones; steps of others have been caught up with.
    case current(LiveMembership)
    /// Everyone was published since: load again.
    case stale
  }

  /// The statements to begin a step's transaction with: takes the publish lock, and lists what was
  /// published since.
  public static func opening(_ live: LiveMembership) -> [SQL] {
    [
      SQL(file: "queries/segments/lock_publication.sql"),
      SQL(file: "queries/segments/list_publications_since.sql", live.lastID),
    ]
  }

  /// Catches up with what was published since.
  ///
  /// - Parameter rows: those of ``opening(_:)``.
  /// - Throws: `segments.evaluation_damaged`.
  public static func standing(
    of live: LiveMembership, _ rows: [[Row]]
  ) throws -> Standing {
    var live = live
    for row in rows[1] {
      if try row.get("as_of", as: Instant.self) < live.asOf {
        // A past day was published: what is live is the same.
        live.lastID = try row.get("publication_id")
        live.lastPublishedAt = try row.get("published_at", as: Instant.self)
        continue
      }
      guard let bytes = try row.get("bytes", as: [UInt8]?.self),
        try row.get("evaluation_id", as: Int64?.self) == live.evaluationID
      else { return .stale }
      live.apply(
        try MembershipChanges(
          decoding: bytes, differences: row.get("differences"), segments: live.segments.count))
      live.publicationID = try row.get("publication_id")
      live.asOf = try row.get("as_of")
      live.lastID = live.publicationID
      live.lastPublishedAt = try row.get("published_at", as: Instant.self)
    }
    return .current(live)
  }

  private let live: LiveMembership
  private let asOf: Instant
  private let changes: MembershipChanges
  private let evaluation: SegmentEvaluation
  private let active: [Int64: Instant]
  /// Whether customers leave because they are erased, which no run publishes.
  private let isErasure: Bool

  /// Decides what a step turns.
  ///
  /// - Parameters:
  ///   - evaluation: of the touched customers that are known.
  ///   - active: the touched customers who had events; the transitions of others are time's.
  public init(
    of evaluation: SegmentEvaluation, touched: IDIndex, active: [Int64: Instant],
    live: LiveMembership
  ) {
    self.live = live
    self.active = active
    self.evaluation = evaluation
    asOf = evaluation.asOf
    changes = live.changes(to: evaluation, touched: touched)
    isErasure = false
  }

  /// The leaving of customers who are erased, right after the live publication: a night whose instant
  /// has passed is then still ahead of it.
  init(erasing customers: IDIndex, from live: LiveMembership) {
    self.live = live
    active = [:]
    let nobody = IDIndex([])
    evaluation = SegmentEvaluation(
      asOf: Instant(microseconds: live.asOf.microseconds + 1), customers: nobody,
      segments: live.segments, members: live.segments.map { _ in Bitset(count: 0) })
    asOf = evaluation.asOf
    changes = live.changes(to: evaluation, touched: customers)
    isErasure = true
  }

  /// Whether no membership turns.
  public var isEmpty: Bool { changes.isEmpty }

  /// The latest events of the customers whose memberships turn by events: what a transition took is
  /// counted from there.
  public var eventTimes: [Instant] {
    Set(changes.turned.values.joined()).compactMap { active[$0] }
  }

  /// What the step does.
  public var result: Result {
    var (entered, left) = (0, 0)
    for (ordinal, customers) in changes.turned {
      let leaving = customers.count { live.isMember($0, of: ordinal) }
      left += leaving
      entered += customers.count - leaving
    }
    return Result(
      publicationID: isEmpty ? live.publicationID : live.lastID + 1, entered: entered, left: left,
      customers: Set(changes.turned.values.joined()).count)
  }

  /// The memberships once the transaction has committed.
  public func published(at publishedAt: Instant) -> LiveMembership {
    var after = live
    if isEmpty { return after }
    after.apply(changes)
    after.publicationID = live.lastID + 1
    after.lastID = after.publicationID
    after.asOf = asOf
    after.lastPublishedAt = publishedAt
    return after
  }

  /// The time to record: now, or just after the last publication where the clock went back.
  public func publishedAt(_ now: Instant) -> Instant {
    guard let last = live.lastPublishedAt else { return now }
    return max(now, Instant(microseconds: last.microseconds + 1))
  }

  /// Publishes, in one round trip; nothing where no membership turns.
  ///
  /// - Parameter runID: the run that publishes; nil for the run that was recorded last on this
  ///   connection.
  /// - Throws: ``SegmentError`` `segments.out_of_step` where the spells are not what the evaluations
  ///   say; `WarehouseError`.
  public func write(
    at publishedAt: Instant, runID: Int64?, on connection: Connection
  ) async throws {
    if isEmpty { return }
    let id = live.lastID + 1
    let opening = opened
    let ending = ended(in: id)
    let after = published(at: publishedAt)
    let moved = changes.turned.keys.sorted()
    let entered = moved.map { ordinal in
      Int64(changes.turned[ordinal, default: []].count { !live.isMember($0, of: ordinal) })
    }
    let answers = try await connection.pipelineAnswers(
      [
        isErasure
          ? SQL(
            file: "queries/segments/insert_erasure_publication.sql", id, asOf, publishedAt,
            live.evaluationID, changes.encoded(), changes.encodedDifferences())
          : SQL(
            file: "queries/segments/insert_step_publication.sql", id, asOf, runID, publishedAt,
            live.evaluationID, changes.encoded(), changes.encodedDifferences()),
        SQL(
          file: "queries/segments/open_step_spells.sql", id, asOf, opening.customers,
          opening.segments, opening.versions, opening.causes),
        ending.statement,
        SQL(
          file: "queries/segments/insert_sizes.sql", asOf, moved.map { live.ids[$0].segment },
          moved.map { Int64(after.sizes[$0]) }, entered,
          zip(moved, entered).map { Int64(changes.turned[$0, default: []].count) - $1 }),
      ] + decisions.statements(at: asOf, before: nil))
    try expect(
      answers[1].rows.first?.get("opened", as: Int64.self) ?? 0, opening.customers.count, "opened")
    try expect(Int64(answers[2].affected), ending.count, "ended")
  }

  /// What is decided besides the rules now, and no longer.
  private var decisions: DecisionChanges {
    var result = DecisionChanges()
    for (key, customers) in changes.differing.sorted(by: {
      MembershipDifference.Key.precedes($0.key, $1.key)
    }) {
      let winner = key.winner.map { live.ids[$0].segment }
      let decision = Decision(key, segment: live.ids[key.segment].segment, winner: winner)
      for customer in customers {
        // A customer has a kind of difference now, or had it: changes are what turned.
        if live.difference(of: customer, in: key.segment) == key {
          result.end(customer, decision)
        } else {
          result.begin(customer, decision)
        }
      }
    }
    return result
  }

  private struct Spells {
    var customers: [Int64] = []
    var segments: [Int32] = []
    var versions: [Int32] = []
    var causes: [String] = []
  }

  private var opened: Spells {
    var spells = Spells()
    forEach(entering: true) { customer, id, cause in
      spells.customers.append(customer)
      spells.segments.append(id.segment)
      spells.versions.append(id.version)
      spells.causes.append(cause.rawValue)
    }
    return spells
  }

  private func ended(in publication: Int32) -> EndedSpells {
    var spells = EndedSpells(at: [SpellSeries.Member(id: publication, asOf: asOf)])
    forEach(entering: false) { customer, id, cause in
      spells.append(customer: customer, segment: id.segment, version: id.version, cause: cause)
    }
    return spells
  }

  private func forEach(
    entering: Bool,
    _ body: (Int64, (segment: Int32, version: Int32), TransitionCause) -> Void
  ) {
    for (ordinal, customers) in changes.turned.sorted(by: { $0.key < $1.key }) {
      for customer in customers where live.isMember(customer, of: ordinal) != entering {
        body(customer, live.ids[ordinal], isErasure ? .erasure : cause(of: customer, in: ordinal))
      }
    }
  }

  /// What decides now, else what decided before, else the rule: by events or by time.
  private func cause(of customer: Int64, in ordinal: Int) -> TransitionCause {
    let now = evaluation.customers.row(of: customer).flatMap {
      evaluation.difference(of: $0, in: ordinal)
    }
    if let decided = now ?? live.difference(of: customer, in: ordinal) {
      return decided.reason.cause
    }
    return active[customer] == nil ? .time : .event
  }

  private func expect(_ found: Int64, _ expected: Int, _ verb: String) throws {
    guard found != expected else { return }
    throw SegmentError(
      code: "segments.out_of_step",
      message: "expected \(expected) spells to be \(verb), found \(found)",
      hint: "the memberships are not those of the live evaluation; were they changed by hand?")
  }
}
