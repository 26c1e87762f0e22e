import Columns
import Schedules
import Warehouse

/// What a series needs to know of a publication.
struct SeriesEntry: Sendable {
  let evaluation: SegmentEvaluation
  /// Customers with events since the one before, in no order; nil where they are to be looked up.
  var customersWithEvents: [Int64]?

  /// Nil for no order, and where the evaluation can't be read: its own fault, told when it is the first.
  static func fetch(
    _ order: Publisher.Order?, after asOf: Instant, from pool: ConnectionPool
  ) async throws -> SeriesEntry? {
    guard let order else { return nil }
    return try await pool.withConnection { try await fetch(order, after: asOf, on: $0) }
  }

  private static func fetch(
    _ order: Publisher.Order, after asOf: Instant, on connection: Connection
  ) async throws -> SeriesEntry? {
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
struct SeriesWriter {
  let connection: Connection
  private var publisher: Publisher
  private let universe: IDIndex
  /// How many spells were open before the series.
  private let membersBefore: Int
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
    connection: Connection, publisher: Publisher, earlier: EarlierPublications,
    customers: IDIndex
  ) {
    self.connection = connection
    self.publisher = publisher
    membersBefore = earlier.live?.evaluation.members.reduce(0) { $0 + $1.population } ?? 0
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

  /// How many spells end in the series.
  var rowsToWrite: Int { series.ended }

  /// Whether adding a publication takes the connection: its statements otherwise wait.
  func takesConnection(_ entry: SeriesEntry, _ decided: Decided) -> Bool {
    ids.isEmpty || decided.plan.catalogueChanged || entry.customersWithEvents == nil
      || decisions.needsConnection(for: entry.evaluation)
  }

  /// Spells to be written while the next publications are decided; nil while there are few.
  mutating func takePassing() -> PassingSpells? { series.takePassing(least: Self.passingTogether) }

  /// Does of the rest what needs no connection.
  mutating func prepareRest() { series.sortEndings() }

  /// As many as the server takes some tenths of a second to write: it is to have work early, and a
  /// customer's history to lie in few places.
  private static let passingTogether = 500_000

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
    let now = publisher.clock.now()
    let time = lastTime.map { max(now, Instant(microseconds: $0.microseconds + 1)) } ?? now
    var publication = Publication(
      publisher: publisher, connection: connection, plan: plan, id: lastID + 1, publishedAt: time,
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
      waiting.append(try publication.recording(ids))
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
    let (opening, again) = (series.opening(again: false), series.opening(again: true))
    let first = series.members.first?.id ?? lastID
    let early = publisher.earlyOpening(of: first, opened: opening, ended: series.ended)
    let endings = series.endings(of: membersBefore)
    if let early {
      let opened = series.withoutEndings
      endings.share(with: opening)
      try await early.write(beside: connection) {
        try await endings.locateShared(on: $0)
        try await Self.open(opened, opening, again: false, on: $0)
        try await endings.locateRest(on: $0)
      } rest: {
        try await end(endings, &series)
      }
    } else {
      try await end(endings, &series)
    }
    // What has ended here keeps its places until the commit.
    publisher = publisher.overOneConnection
    CrashPoint.publishAfterCopy.pass()
    async let indexed: Void = publisher.summarizeEndedSpells()
    if early == nil { try await Self.open(series, opening, again: false, on: connection) }
    // One that opens again finds its place free now.
    try await Self.open(series, again, again: true, on: connection)
    try await indexed
  }

  private func end(_ endings: Endings, _ series: inout SpellSeries) async throws {
    try await endings.end(on: connection)
    try await series.takePassing()?.write(on: connection)
  }

  private static func open(
    _ series: SpellSeries, _ expected: Int, again: Bool, on connection: Connection
  ) async throws {
    if expected == 0 { return }
    let opened = try await connection.copyIn(Publication.opening) { writer in
      try await series.eachOpened(again: again) { try await writer.write(bytes: $0) }
    }
    try Publication.expect(opened, expected, "opened")
  }
}
