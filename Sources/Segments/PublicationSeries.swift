import Columns
import Schedules
import Warehouse

extension Publisher {
  /// One of several publications in a row.
  public struct Order: Sendable {
    /// What ``EvaluationStore/save(_:runID:)`` returned.
    public let evaluationID: Int64
    /// The run that publishes; nil outside a run.
    public let runID: Int64?
    /// Throws where the caller may no longer publish it.
    public let fence: Fence
    /// Records the run that publishes; nil where ``runID`` is that.
    var recording: (@Sendable (PublicationResult) throws -> SQL)?

    /// An order to publish an evaluation.
    public init(evaluationID: Int64, runID: Int64?, fence: @escaping Fence = { _ in }) {
      self.evaluationID = evaluationID
      self.runID = runID
      self.fence = fence
    }
  }

  /// Publishes evaluations of ascending as-ofs, as many in a transaction as take some ten seconds: the
  /// longer it is, the more spells open and end within it, which are written once.
  ///
  /// What is written is what as many single publications write. Each order's fence is asked in the
  /// transaction that publishes it. A run that has published its evaluation already, and was killed
  /// before it could tell, is told again what it did.
  ///
  /// - Parameter committed: told of each result in the order of `orders`, once it is committed.
  /// - Throws: as ``publish(evaluationID:runID:activity:fence:)``; what was committed stays.
  public nonisolated(nonsending) func publish(
    series orders: [Order],
    committed: nonisolated(nonsending) (Int, PublicationResult) async throws -> Void
  ) async throws {
    var position = 0
    while position < orders.count {
      try Task.checkCancellation()
      let part = Array(orders[position..<min(orders.count, position + SpellSeries.most)])
      let results = try await publish(together: part)
      CrashPoint.publishAfterCommit.pass()
      try await summarizeBlocks()
      for result in results {
        try await committed(position, result)
        position += 1
      }
    }
  }

  /// Publishes the first of some orders, and as many of those after it as follow each other, in one
  /// transaction.
  private func publish(together orders: [Order]) async throws -> [PublicationResult] {
    guard let first = orders.first else { return [] }
    let clock = self.clock
    return try await pool.transaction { connection in
      try await connection.execute(SQL(file: "queries/segments/lock_publication.sql"))
      try await ask(first.fence, on: connection)
      let done = try await PublicationSummary.find(
        of: first.runID, evaluation: first.evaluationID, on: connection)
      if let done { return [done] }
      let opening = try await EvaluationStore.load(first.evaluationID, on: connection)
      let earlier = try await EarlierPublications.load(before: opening.asOf, on: connection)
      if earlier.isPast(opening.asOf) || earlier.live?.asOf == opening.asOf {
        // A past as-of, or the live one again: what is recorded may have to be taken back.
        return [try await publish(first, opening, earlier, activity: .recorded, on: connection)]
      }
      var writer = SeriesWriter(
        connection: connection, earlier: earlier,
        customers: try await Self.customers(of: orders, opening, on: connection), clock: clock)
      var (next, order, position) = (SeriesEntry(evaluation: opening), first, 1)
      while true {
        try Task.checkCancellation()
        // This one is decided while the next one is on its way.
        let following = position < orders.count ? orders[position] : nil
        let asOf = next.evaluation.asOf
        let (evaluation, decide) = (next.evaluation, writer.decision)
        async let decided = decide(evaluation)
        let fetched = try await SeriesEntry.fetch(following, after: asOf, on: connection)
        try await writer.add(next, decided: await decided, order)
        guard let entry = fetched, let following,
          writer.rowsToWrite < Self.rowsTogether, writer.takes(entry.evaluation)
        else { break }
        (next, order, position) = (entry, following, position + 1)
      }
      try await writer.finish()
      for order in orders.prefix(writer.results.count) { try await order.fence(connection) }
      CrashPoint.publishBeforeCommit.pass()
      return writer.results
    }
  }

  /// How many rows of spells a transaction writes before it takes no more publications: some ten
  /// seconds, and as many times eight bytes in memory.
  private static let rowsTogether = 10_000_000

  /// The customers of the first evaluation and of the last that may go with it: ids only grow.
  private static func customers(
    of orders: [Order], _ opening: SegmentEvaluation, on connection: Connection
  ) async throws -> IDIndex {
    guard let last = orders.dropFirst().last,
      let latest = try await EvaluationStore.customers(of: last.evaluationID, on: connection)
    else { return opening.customers }
    return PublicationPlan.union(opening.customers, latest)
  }

}

/// What a series needs to know of a publication.
private struct SeriesEntry: Sendable {
  let evaluation: SegmentEvaluation
  /// Customers with events since the one before, in no order; nil where they are to be looked up.
  var customersWithEvents: [Int64]?

  /// Nil for no order, and where the evaluation can't be read: its own fault, told when it is the first.
  static func fetch(
    _ order: Publisher.Order?, after asOf: Instant, on connection: Connection
  ) async throws -> SeriesEntry? {
    guard let order else { return nil }
    do {
      let evaluation = try await EvaluationStore.load(order.evaluationID, on: connection)
      // One that is not later begins a series of its own.
      guard evaluation.asOf > asOf else { return SeriesEntry(evaluation: evaluation) }
      let row = try await connection.first(
        SQL(file: "queries/segments/select_customers_between.sql", asOf, evaluation.asOf))
      return SeriesEntry(
        evaluation: evaluation,
        customersWithEvents: try row?.get("customers", as: [Int64]?.self) ?? [])
    } catch is SegmentError {
      return nil
    }
  }
}

extension SegmentEvaluation {
  /// The same members as rows of more customers.
  fileprivate func over(_ universe: IDIndex) -> SegmentEvaluation {
    let remap = RowMap(from: customers, to: universe)
    return SegmentEvaluation(
      asOf: asOf, customers: universe, segments: segments, members: members.map { remap($0) },
      differences: differences.map { MembershipDifference($0.key, remap($0.customers)) })
  }
}

/// Writes several publications in one transaction.
private struct SeriesWriter {
  let connection: Connection
  private let universe: IDIndex
  private let clock: any WallClock
  private(set) var results: [PublicationResult] = []
  private var series: SpellSeries
  private var decisions: DecisionRecord
  private var live: SegmentEvaluation?
  /// The publication before the next one.
  private var last: EarlierPublications.Entry?
  /// The evaluation of the publication before that.
  private var lastBut: Int64?
  private var lastID: Int32
  private var lastTime: Instant?
  private var ids: [String: (segment: Int32, version: Int32)] = [:]
  /// Statements without an answer that wait for the next flush.
  private var waiting: [SQL] = []

  /// - Parameter customers: of the evaluations to come.
  init(
    connection: Connection, earlier: EarlierPublications, customers: IDIndex,
    clock: any WallClock
  ) {
    self.connection = connection
    self.clock = clock
    universe =
      earlier.live.map { PublicationPlan.union(customers, $0.evaluation.customers) }
      ?? customers
    series = SpellSeries(customers: universe)
    decisions = DecisionRecord(connection)
    last = earlier.live
    live = last?.evaluation.over(universe)
    lastID = earlier.lastID
    lastTime = earlier.lastPublishedAt
  }

  /// How many rows of spells wait to be written, at least.
  var rowsToWrite: Int { series.ended + series.passed }

  /// Whether an evaluation may be published next: it is later, and of the customers foreseen.
  func takes(_ evaluation: SegmentEvaluation) -> Bool {
    guard let live, evaluation.asOf > live.asOf else { return false }
    return RowMap.isPrefix(evaluation.customers.ids, of: universe.ids)
      || !evaluation.customers.rows(in: universe).contains(-1)
  }

  /// What a publication changes, over the customers of the series.
  struct Decided: Sendable {
    let evaluation: SegmentEvaluation
    let plan: PublicationPlan
  }

  /// What is needed to decide the next publication.
  struct Decision: Sendable {
    let universe: IDIndex
    let live: SegmentEvaluation?

    func callAsFunction(_ evaluation: SegmentEvaluation) async -> Decided {
      let new = evaluation.over(universe)
      return Decided(
        evaluation: new, plan: PublicationPlan(publishing: new, live: live, base: live))
    }
  }

  /// Decides the next publication.
  var decision: Decision { Decision(universe: universe, live: live) }

  /// Writes of a publication what must stand before its spells do, and keeps the rest.
  mutating func add(
    _ entry: SeriesEntry, decided: Decided, _ order: Publisher.Order
  ) async throws {
    let evaluation = entry.evaluation
    let (new, plan) = (decided.evaluation, decided.plan)
    let now = clock.now()
    let time = lastTime.map { max(now, Instant(microseconds: $0.microseconds + 1)) } ?? now
    var publication = Publication(
      connection: connection, plan: plan, id: lastID + 1, publishedAt: time,
      evaluationID: order.evaluationID, runID: order.runID, base: last, evaluation: new)
    // Nothing has come late since the publication before, which is written with this one.
    let reasons =
      if let customers = entry.customersWithEvents {
        TransitionReasons(active: publication.rows(of: customers))
      } else {
        try await publication.reasons(.recorded)
      }
    let result = plan.result(
      .published, id: publication.id, publishedAt: time, customers: evaluation.customers.count,
      reasons: reasons)
    publication.result = result
    // Versions are the same throughout a series.
    if plan.catalogueChanged { try await flush() }
    if plan.catalogueChanged || ids.isEmpty {
      let catalogue = try await publication.catalogueUpdate()
      ids = catalogue.ids
      try await publication.record(ids)
      if plan.catalogueChanged {
        try await publication.write(catalogue)
        try await publication.change(catalogue.views)
      }
    } else {
      try await publication.record(ids)
    }
    series.add(plan, id: publication.id, reasons: reasons, ids: ids)
    try await decisions.write(new, segments: ids.mapValues(\.segment))
    waiting += publication.sizes(ids)
    results.append(result)
    lastBut = last?.evaluationID
    last = EarlierPublications.Entry(
      id: publication.id, asOf: plan.asOf, publishedAt: time, evaluationID: order.evaluationID,
      evaluation: new)
    live = new
    lastID = publication.id
    lastTime = time
  }

  /// Writes what is left, and removes the evaluations that no later publication needs.
  mutating func finish() async throws {
    try await flush()
    guard let last else { return }
    try await connection.execute(
      SQL(
        file: "queries/segments/delete_old_evaluations.sql", last.evaluationID, last.asOf,
        lastBut))
  }

  /// Writes the spells and sizes of the publications so far.
  private mutating func flush() async throws {
    if !waiting.isEmpty { _ = try await connection.pipeline(waiting) }
    waiting = []
    if series.isEmpty { return }
    var series = self.series
    self.series = SpellSeries(customers: universe)
    try await end(&series)
    if series.passed > 0 {
      let passed = try await connection.copyIn(
        """
        COPY segments.ended_spell (
          customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
          left_version, entered_cause, left_cause)
        FROM STDIN (FORMAT binary)
        """
      ) { writer in
        try await series.eachPassing { try await writer.write(bytes: $0) }
      }
      try Publication.expect(passed, series.passed, "opened and ended")
    }
    CrashPoint.publishAfterCopy.pass()
    let opening = series.opening
    if opening == 0 { return }
    let opened = try await connection.copyIn(
      """
      COPY segments.open_spell (
        customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      try await series.eachOpened { try await writer.write(bytes: $0) }
    }
    try Publication.expect(opened, opening, "opened")
  }

  /// Ends the spells that were open before; one that opens again must find its place free.
  private func end(_ series: inout SpellSeries) async throws {
    if series.ended == 0 { return }
    try await EndedSpells.prepare(connection)
    try await series.eachEnding { try await $0.end(on: connection) }
  }
}
