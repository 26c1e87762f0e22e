import Columns
import Schedules
import Warehouse

/// Publishes an as-of before the live one, or corrects it.
///
/// What is believed at an as-of holds until the next one that was published. So a publication between
/// two others changes that span alone: who is a member in it, and with whom the next one is compared.
/// Records that touch the span are superseded and written anew, as if the days had run in their order;
/// what was believed before stays on record.
struct PastPublication: Sendable {
  let connection: Connection
  let new: SegmentEvaluation
  let evaluationID: Int64
  let id: Int32
  let publishedAt: Instant
  let around: PublicationNeighbours
  let after: PublicationNeighbours.Neighbour

  /// What turns in one segment.
  struct Turned {
    let segment: Int32
    /// Positions in ``Facts/customers``.
    let into: Bitset
    let out: Bitset
    /// How many were in it before.
    let members: Int
  }

  /// What is read before anything is written.
  struct Facts {
    let catalogue: PastCatalogue
    let customers: IDIndex
    let turned: [Turned]
    /// Customers with events between the as-of before and this one.
    let active: Set<Int64>
    /// Customers with events between this as-of and the next.
    let activeNext: Set<Int64>
    let decided: Decided
  }

  /// What decides besides the rules, by segment.
  struct Decided {
    /// At the as-of, and what decided at the one before.
    let here: [Int32: DecidedCauses]
    /// At the next, and what decides at the as-of.
    let next: [Int32: DecidedCauses]
    /// Whether it is other than what is on record of the as-of.
    let isNew: Bool
  }

  /// Decides and writes; the caller holds the publish lock.
  ///
  /// - Parameter given: whose transitions at the as-of events have caused; nil to look them up.
  /// - Returns: what happened at the as-of; what is live stays live.
  func publish(
    runID: Int64?, activity given: IDIndex?
  ) async throws -> PublicationResult {
    let facts = try await facts(given)
    let isSame =
      around.same?.versions == facts.catalogue.versions(of: new)
      && facts.turned.allSatisfy { $0.into.isEmpty && $0.out.isEmpty } && !facts.decided.isNew
    if let same = around.same, isSame {
      let sizes = try await sizes(facts, Changes())
      return result(.unchanged, same.id, same.publishedAt, facts, sizes: sizes, causes: [:])
    }
    let explanations = explanations(facts)
    let restated = try await restated(facts, explanations)
    let sent = try await sendTurned(facts, restated)
    let records = try await supersede(sent)
    var changes = Changes()
    replace(records, facts, explanations, &changes)
    restate(records, restated, &changes)
    changes.records.sort { ($0.customer, $0.segment) < ($1.customer, $1.segment) }
    let sizes = try await sizes(facts, changes)
    let told = result(
      around.same == nil ? .published : .corrected, id, publishedAt, facts, sizes: sizes,
      causes: changes.causes)
    let live = facts.catalogue.liveIDs(of: new)
    try await connection.execute(
      SQL(
        file: "queries/segments/insert_publication.sql", id, new.asOf, runID, publishedAt,
        evaluationID,
        JSONText(
          try EvaluationStore.json(PublicationSummary(evaluation: evaluationID, result: told))),
        live.map(\.segment), live.map(\.version)))
    try await facts.catalogue.write(publication: id, on: connection)
    try await connection.execute(
      SQL(file: "queries/segments/insert_rule_changes.sql", id, runID))
    try await write(changes)
    try await write(sizes, changes)
    var losses = DecisionRecord(connection)
    try await losses.write(new, segments: facts.catalogue.ids.mapValues(\.segment))
    return told
  }

  // MARK: Facts

  func facts(_ given: IDIndex?) async throws -> Facts {
    let catalogue = try await PastCatalogue.load(for: new, on: connection)
    let rows = try await connection.query(
      SQL(file: "queries/segments/select_members_at_all.sql", new.asOf))
    var believed: [Int32: [Int64]] = [:]
    for row in rows { believed[try row.get("segment_id")] = try row.get("customers") }
    let decisions = try await decisions(catalogue)
    var known = believed.values.reduce(into: Set<Int64>()) { $0.formUnion($1) }
    for customers in decisions.before.values { known.formUnion(customers) }
    for customers in decisions.after.values { known.formUnion(customers) }
    let later = known.filter { new.customers.row(of: $0) == nil }
    let customers = later.isEmpty ? new.customers : IDIndex(new.customers.ids + later)
    let remap = RowMap(from: new.customers, to: customers)
    var now: [Int32: Bitset] = [:]
    for (definition, members) in zip(new.segments, new.members) {
      if let ids = catalogue.ids[definition.name] { now[ids.segment] = remap(members) }
    }
    let nobody = Bitset(count: customers.count)
    let turned = Set(now.keys).union(believed.keys).sorted().map { segment in
      var before = nobody
      for customer in believed[segment] ?? [] {
        if let row = customers.row(of: customer) { before[row] = true }
      }
      let wanted = now[segment] ?? nobody
      return Turned(
        segment: segment, into: wanted.subtracting(before), out: before.subtracting(wanted),
        members: before.population)
    }
    let moves =
      around.same?.versions != catalogue.versions(of: new)
      || turned.contains { !$0.into.isEmpty || !$0.out.isEmpty }
      || decisions.now != decisions.known
    var (active, activeNext): (Set<Int64>, Set<Int64>) = ([], [])
    if moves {
      activeNext = try await customersWithEvents(new.asOf, after.asOf)
      if let given {
        active = Set(given.ids)
      } else {
        active = try await customersWithEvents(around.before?.asOf, new.asOf)
      }
    }
    return Facts(
      catalogue: catalogue, customers: customers, turned: turned, active: active,
      activeNext: activeNext, decided: decided(decisions, over: customers))
  }

  /// What is decided besides the rules at the as-of, and on record of it and of those around it.
  typealias Decisions = (
    now: DecisionRecord.Decisions, known: DecisionRecord.Decisions,
    before: DecisionRecord.Decisions, after: DecisionRecord.Decisions
  )

  func decisions(_ catalogue: PastCatalogue) async throws -> Decisions {
    var before: DecisionRecord.Decisions = [:]
    if let earlier = around.before {
      before = try await DecisionRecord.read(at: earlier.asOf, on: connection)
    }
    return (
      try DecisionRecord.decisions(new, catalogue.ids.mapValues(\.segment)),
      try await DecisionRecord.read(at: new.asOf, on: connection), before,
      try await DecisionRecord.read(at: after.asOf, on: connection)
    )
  }

  func decided(_ decisions: Decisions, over customers: IDIndex) -> Decided {
    let now = DecisionRecord.marks(decisions.now, over: customers)
    return Decided(
      here: DecidedCauses.all(
        now: now, before: DecisionRecord.marks(decisions.before, over: customers),
        of: customers.count),
      next: DecidedCauses.all(
        now: DecisionRecord.marks(decisions.after, over: customers), before: now,
        of: customers.count), isNew: decisions.now != decisions.known)
  }

  func customersWithEvents(_ from: Instant?, _ to: Instant) async throws -> Set<Int64> {
    // Without an earlier publication every transition is the rule's.
    guard let from else { return [] }
    let row = try await connection.first(
      SQL(file: "queries/segments/select_customers_between.sql", from, to))
    return Set(try row?.get("customers", as: [Int64]?.self) ?? [])
  }

  func result(
    _ outcome: PublicationResult.Outcome, _ id: Int32, _ time: Instant, _ facts: Facts,
    sizes: [Int32: Size], causes: [Int32: [TransitionCause: (entered: Int, left: Int)]]
  ) -> PublicationResult {
    PublicationResult(
      outcome: outcome, publicationID: id, asOf: new.asOf, publishedAt: time,
      customers: new.customers.count,
      segments: zip(new.segments, new.members).map { definition, members in
        let segment = facts.catalogue.ids[definition.name]?.segment ?? 0
        let found = (causes[segment] ?? [:]).map {
          PublicationResult.Cause(cause: $0.key, entered: $0.value.entered, left: $0.value.left)
        }
        return PublicationResult.Segment(
          name: definition.name, title: definition.title, isLive: true,
          members: members.population, entered: Int(sizes[segment]?.entered ?? 0),
          left: Int(sizes[segment]?.left ?? 0),
          causes: outcome == .published ? found.sorted { $0.precedes($1) } : nil)
      },
      rowsChanged: outcome == .unchanged
        ? 0 : facts.turned.reduce(0) { $0 + $1.into.population + $1.out.population })
  }
}
