import Columns
import Schedules
import Warehouse

/// Makes an evaluation what readers see, in one transaction that writes only what changed.
///
/// 1. Take the project's publish lock and ask the fence.
/// 2. Read the sets of the live evaluation, and of the one before it where the live as-of is
///    published again; never the memberships.
/// 3. Decide (``PublicationPlan``, ``CatalogueUpdate``).
/// 4. Send what changed by COPY; move, correct, count; then the catalogue, its views and the
///    publication record.
/// 5. Ask the fence again and commit.
///
/// Readers are never blocked: no table of theirs is locked, truncated or renamed. Only a segment
/// that left the catalogue has its own view dropped, which waits for those who read that view.
public struct Publisher: Sendable {
  /// Refuses a publication by throwing, where its task has lost its lease.
  ///
  /// It runs in the publication's transaction, once after the lock, to save useless work, and once
  /// before the commit. One that locks the task's row holds off other claims until the commit;
  /// what the first asking locked is given back at once.
  public typealias Fence = @Sendable (Connection) async throws -> Void

  /// Whose transitions count as caused by events.
  public enum Activity: Sendable {
    /// Customers with events in the database since the publication before, late ones included.
    case recorded
    /// These customers.
    case customers(IDIndex)
  }

  let pool: ConnectionPool
  let clock: any WallClock
  private let besideFrom: Int

  /// A publisher for one project's database.
  ///
  /// - Parameters:
  ///   - pool: lends a second connection where much opens and much ends.
  ///   - besideFrom: how many spells must open, and end, for that to pay.
  public init(
    pool: ConnectionPool, clock: any WallClock = SystemClock(), besideFrom: Int = 4_000
  ) {
    self.pool = pool
    self.clock = clock
    self.besideFrom = besideFrom
  }

  /// Takes the publish lock until the transaction ends.
  ///
  /// - Returns: a publisher for the rest of the transaction.
  func locking(_ connection: Connection) async throws -> Publisher {
    let row = try await connection.first(SQL(file: "queries/segments/lock_publication.sql"))
    // What was removed keeps its places until the commit: others would wait for them.
    return try row?.get("removed", as: Int64.self) == 0 ? self : overOneConnection
  }

  /// The same publisher, which takes no second connection.
  var overOneConnection: Publisher {
    Publisher(pool: pool, clock: clock, besideFrom: .max)
  }

  /// Opens spells beside what else a publication writes; nil where that does not pay.
  func earlyOpening(of id: Int32, opened: Int, ended: Int) -> EarlyOpening? {
    min(opened, ended) < besideFrom ? nil : EarlyOpening(pool: pool, publicationID: id)
  }

  /// Publishes a stored evaluation.
  ///
  /// Publishing what is live already changes nothing. A segment that the evaluation lacks loses
  /// its members and its view; its history stays. A past as-of changes what is believed from it to the
  /// publication after it, and nothing that is live (``PastPublication``).
  /// - Parameters:
  ///   - evaluationID: what ``EvaluationStore/save(_:runID:)`` returned.
  ///   - runID: the run that publishes; nil outside a run.
  ///   - activity: whose transitions count as caused by events.
  ///   - recording: what to run in the transaction to record a run of what is being published, which
  ///     then is the run that publishes; its row has `run_id`. Not asked where nothing is written.
  ///   - fence: throws where the caller may no longer publish.
  /// - Throws: ``SegmentError`` `segments.unknown_evaluation`, `segments.out_of_step`; what the fence
  ///   throws; `WarehouseError`.
  public func publish(
    evaluationID: Int64, runID: Int64?, activity: Activity = .recorded,
    recording: (@Sendable (PublicationResult) throws -> SQL)? = nil,
    fence: @escaping Fence = { _ in }
  ) async throws -> PublicationResult {
    let result = try await pool.transaction(lasting: true) { connection in
      let publisher = try await locking(connection)
      try await ask(fence, on: connection)
      guard let asOf = try await EvaluationStore.asOf(of: evaluationID, on: connection) else {
        // A past day's is removed with its publication: a run that was killed before it could tell
        // is told again.
        guard
          let done = try await PublicationSummary.find(
            of: runID, evaluation: evaluationID, on: connection)
        else { throw EvaluationStore.unknown(evaluationID) }
        return done
      }
      // Both are large: one is read beside the other.
      async let new = pool.withConnection {
        try await EvaluationStore.load(evaluationID, on: $0)
      }
      let earlier = try await EarlierPublications.load(before: asOf, on: connection)
      var order = Order(evaluationID: evaluationID, runID: runID, fence: fence)
      order.recording = recording
      return try await publisher.publish(
        order, await new, earlier, activity: activity, on: connection)
    }
    CrashPoint.publishAfterCommit.pass()
    try await summarizeBlocks()
    return result
  }

  /// Makes what was written cheap to find, after the commit: nobody waits for it.
  func summarizeBlocks() async throws {
    _ = try await pool.query(Self.summary(of: ["segments.open_spell", "segments.ended_spell"]))
  }

  /// Does so for ended spells while the transaction that wrote them goes on: what it has written is
  /// there, committed or not.
  func summarizeEndedSpells() async throws {
    do {
      try await pool.transaction { connection in
        try await connection.execute("SELECT set_config('lock_timeout', '200ms', true)")
        try await connection.execute(Self.summary(of: ["segments.ended_spell"]))
      }
    } catch let error as WarehouseError where error.code == "warehouse.lock_not_available" {
      // A vacuum is at work on them, for which the transaction must not wait: it is done after it.
    }
  }

  private static func summary(of tables: [String]) -> SQL {
    SQL(file: "queries/segments/summarize_blocks.sql", tables)
  }

  /// Publishes an evaluation in the transaction that holds the lock.
  func publish(
    _ order: Order, _ new: SegmentEvaluation, _ earlier: EarlierPublications, activity: Activity,
    on connection: Connection
  ) async throws -> PublicationResult {
    if earlier.isPast(new.asOf) {
      return try await publishPast(order, new, earlier, activity: activity, on: connection)
    }
    let plan = PublicationPlan(
      publishing: new, live: earlier.live?.evaluation, base: earlier.base?.evaluation)
    if let live = earlier.live, plan.isEmpty {
      return plan.result(
        .unchanged, id: live.id, publishedAt: live.publishedAt, customers: new.customers.count)
    }
    let id = earlier.lastID + 1
    let time = earlier.following(clock.now())
    let isCorrection = earlier.live?.asOf == new.asOf
    var publication = Publication(
      publisher: self, connection: connection, plan: plan, id: id, publishedAt: time,
      evaluationID: order.evaluationID, runID: order.runID, base: earlier.base, evaluation: new)
    let reasons = try await publication.reasons(activity)
    let result = plan.result(
      isCorrection ? .corrected : .published, id: id, publishedAt: time,
      customers: new.customers.count, reasons: isCorrection ? nil : reasons)
    if let recording = order.recording {
      publication.runID = try await connection.first(recording(result))?
        .get("run_id", as: Int64.self)
    }
    publication.result = result
    try await publication.write(reasons)
    try await order.fence(connection)
    CrashPoint.publishBeforeCommit.pass()
    return result
  }

  /// Publishes a past as-of, between those around it.
  private func publishPast(
    _ order: Order, _ new: SegmentEvaluation, _ earlier: EarlierPublications, activity: Activity,
    on connection: Connection
  ) async throws -> PublicationResult {
    let around = try await PublicationNeighbours.load(around: new.asOf, on: connection)
    guard let after = around.after else {
      throw SegmentError(
        code: "segments.out_of_step",
        message: "expected a publication after \(new.asOf), found none",
        hint: "were publications removed by hand?")
    }
    let past = PastPublication(
      connection: connection, new: new, evaluationID: order.evaluationID, id: earlier.lastID + 1,
      publishedAt: earlier.following(clock.now()), around: around, after: after)
    var given: IDIndex?
    if case .customers(let index) = activity { given = index }
    let result = try await past.publish(runID: order.runID, activity: given)
    // A correction of the live as-of compares with the one before it; nobody else reads this one.
    if after.id != earlier.liveID {
      try await connection.execute(
        SQL(file: "queries/segments/delete_evaluation.sql", order.evaluationID))
    }
    try await order.fence(connection)
    CrashPoint.publishBeforeCommit.pass()
    return result
  }

  private struct Undo: Error {}

  /// Asks the fence and keeps no lock: a publication may take longer than a lease is renewed.
  func ask(_ fence: @escaping Fence, on connection: Connection) async throws {
    do {
      try await connection.savepoint { connection in
        try await fence(connection)
        throw Undo()
      }
    } catch is Undo {}
  }
}

/// What was published before, as far as a publication needs it.
struct EarlierPublications: Sendable {
  struct Entry: Sendable {
    let id: Int32
    let asOf: Instant
    let publishedAt: Instant
    let evaluationID: Int64
    let evaluation: SegmentEvaluation
  }

  /// What readers see; nil before the first publication.
  let live: Entry?
  /// What readers saw at the as-of before; the same as `live` when time moves forward.
  let base: Entry?
  let lastID: Int32
  let lastPublishedAt: Instant?
  /// The live publication and its as-of; nil before the first.
  let liveID: Int32?
  let liveAsOf: Instant?

  /// Whether a later as-of is live. Then neither ``live`` nor ``base`` is read.
  func isPast(_ asOf: Instant) -> Bool { liveAsOf.map { $0 > asOf } ?? false }

  static func load(before asOf: Instant, on connection: Connection) async throws
    -> EarlierPublications
  {
    let last = try await connection.first(
      SQL(file: "queries/segments/select_last_publication.sql"))
    let head = try await connection.first(
      SQL(file: "queries/segments/select_publication_before.sql", Instant?.none))
    let liveAsOf = try head?.get("as_of", as: Instant.self)
    let isPast = liveAsOf.map { $0 > asOf } ?? false
    let live = isPast ? nil : try await entry(before: nil, on: connection)
    let base = live?.asOf == asOf ? try await entry(before: asOf, on: connection) : live
    return EarlierPublications(
      live: live, base: base, lastID: try last?.get("publication_id", as: Int32.self) ?? 0,
      lastPublishedAt: try last?.get("published_at", as: Instant?.self),
      liveID: try head?.get("publication_id", as: Int32.self), liveAsOf: liveAsOf)
  }

  static func entry(
    before asOf: Instant?, on connection: Connection
  ) async throws -> Entry? {
    guard
      let row = try await connection.first(
        SQL(file: "queries/segments/select_publication_before.sql", asOf))
    else { return nil }
    let id = try row.get("publication_id", as: Int32.self)
    guard let evaluationID = try row.get("evaluation_id", as: Int64?.self) else {
      throw SegmentError(
        code: "segments.live_evaluation_lost",
        message: "expected the evaluation of publication \(id), found that it was removed",
        hint: "restore segments.evaluation from a backup")
    }
    let at: Instant = try row.get("as_of")
    let whole = try await EvaluationStore.load(evaluationID, on: connection)
    let changes = try await connection.query(
      SQL(file: "queries/segments/select_evaluation_changes.sql", evaluationID, Int32(0), id))
    return Entry(
      id: id, asOf: at, publishedAt: try row.get("published_at"), evaluationID: evaluationID,
      evaluation: whole.applying(
        try changes.map {
          try MembershipChanges(
            decoding: $0.get("bytes", as: [UInt8].self), differences: $0.get("differences"),
            segments: whole.segments.count)
        }, asOf: at))
  }

  /// The time to record: now, or just after the last publication where the clock went back.
  func following(_ now: Instant) -> Instant {
    guard let lastPublishedAt else { return now }
    return max(now, Instant(microseconds: lastPublishedAt.microseconds + 1))
  }
}

extension PublicationPlan {
  func result(
    _ outcome: PublicationResult.Outcome, id: Int32, publishedAt: Instant, customers: Int,
    reasons: TransitionReasons? = nil
  ) -> PublicationResult {
    PublicationResult(
      outcome: outcome, publicationID: id, asOf: asOf, publishedAt: publishedAt,
      customers: customers,
      segments: changes.map { change in
        PublicationResult.Segment(
          name: change.definition.name, title: change.definition.title, isLive: change.isLive,
          members: change.members, entered: change.entered, left: change.left,
          causes: reasons.map { $0.causes(of: change) })
      },
      rowsChanged: outcome == .published || outcome == .corrected
        ? changes.reduce(0) { $0 + $1.rowsChanged } : 0)
  }
}

extension PublicationPlan.Change {
  var rowsChanged: Int {
    enters.population + leaves.population + reopens.population + retracts.population
  }
}
