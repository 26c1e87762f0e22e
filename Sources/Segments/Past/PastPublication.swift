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
  private struct Turned {
    let segment: Int32
    /// Positions in ``Facts/customers``.
    let into: Bitset
    let out: Bitset
    /// How many were in it before.
    let members: Int
  }

  /// What is read before anything is written.
  private struct Facts {
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
  private struct Decided {
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
      return result(.unchanged, same.id, same.publishedAt, facts, sizes: [:], causes: [:])
    }
    let explanations = explanations(facts)
    let restated = try await restated(facts, explanations)
    try await sendTurned(facts, restated)
    let records = try await supersede()
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

  private func facts(_ given: IDIndex?) async throws -> Facts {
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
  private typealias Decisions = (
    now: DecisionRecord.Decisions, known: DecisionRecord.Decisions,
    before: DecisionRecord.Decisions, after: DecisionRecord.Decisions
  )

  private func decisions(_ catalogue: PastCatalogue) async throws -> Decisions {
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

  private func decided(_ decisions: Decisions, over customers: IDIndex) -> Decided {
    let now = DecisionRecord.marks(decisions.now, over: customers)
    return Decided(
      here: DecidedCauses.all(
        now: now, before: DecisionRecord.marks(decisions.before, over: customers),
        of: customers.count),
      next: DecidedCauses.all(
        now: DecisionRecord.marks(decisions.after, over: customers), before: now,
        of: customers.count), isNew: decisions.now != decisions.known)
  }

  private func customersWithEvents(_ from: Instant?, _ to: Instant) async throws -> Set<Int64> {
    // Without an earlier publication every transition is the rule's.
    guard let from else { return [] }
    let row = try await connection.first(
      SQL(file: "queries/segments/select_customers_between.sql", from, to))
    return Set(try row?.get("customers", as: [Int64]?.self) ?? [])
  }

  // MARK: Decide

  private struct Key: Hashable {
    let customer: Int64
    let segment: Int32
  }

  /// What is to be written.
  private struct Changes {
    var records: [SpellRecord] = []
    /// By segment: how entered and left change at the as-of and at the next.
    var here: [Int32: (entered: Int64, left: Int64)] = [:]
    var next: [Int32: (entered: Int64, left: Int64)] = [:]
    /// By segment and cause: who enters and leaves anew at the as-of.
    var causes: [Int32: [TransitionCause: (entered: Int, left: Int)]] = [:]
  }

  private func replace(
    _ records: [Key: [SpellRecord]], _ facts: Facts, _ explanations: Explanations,
    _ changes: inout Changes
  ) {
    for turned in facts.turned {
      let segment = turned.segment
      for (set, isMember) in [(turned.into, true), (turned.out, false)] {
        set.forEach { row in
          let customer = facts.customers.ids[row]
          let turn = SpellTurn(
            here: end(
              new.asOf, explanations.here(segment), facts.active.contains(customer),
              facts.decided.here[segment]?.cause(of: row)),
            next: end(
              after.asOf, explanations.next(segment), facts.activeNext.contains(customer),
              facts.decided.next[segment]?.cause(of: row)),
            isMember: isMember)
          let old = records[Key(customer: customer, segment: segment)] ?? []
          count(turn, old, segment, &changes)
          changes.records += turn.replacing(old, customer: customer, segment: segment)
        }
      }
    }
  }

  /// What explains the transitions of a segment at a publication.
  private struct Explanation {
    let version: Int32?
    /// Whether the publication's catalogue has the segment.
    let isLive: Bool
    let byRule: Bool
    let usesScore: Bool

    /// - Parameter decided: what decides besides the rule; nil for nothing.
    func cause(isActive: Bool, _ decided: TransitionCause?) -> TransitionCause {
      if isLive, let decided { return decided }
      return byRule ? .rule : isActive ? .event : usesScore ? .model : .time
    }
  }

  /// What explains transitions at the as-of, and at the next one now that this one is before it.
  private struct Explanations {
    let before: [Int32: Int32]??
    let versions: [Int32: Int32]
    let after: [Int32: Int32]?
    let scored: Set<Int32>

    func here(_ segment: Int32) -> Explanation {
      let version = versions[segment]
      // Without an earlier publication every transition is the rule's.
      let byRule = before.map { known in known.map { $0[segment] != version } ?? false } ?? true
      return Explanation(
        version: version ?? before.flatMap { $0 }?[segment], isLive: version != nil, byRule: byRule,
        usesScore: version.map { scored.contains($0) } ?? false)
    }

    func next(_ segment: Int32) -> Explanation {
      let version = versions[segment]
      let later = after.map { $0[segment] } ?? version
      return Explanation(
        version: later ?? version, isLive: later != nil, byRule: later != version,
        usesScore: later.map { scored.contains($0) } ?? false)
    }
  }

  private func explanations(_ facts: Facts) -> Explanations {
    Explanations(
      before: around.before.map(\.versions), versions: facts.catalogue.versions(of: new),
      after: after.versions, scored: facts.catalogue.scored)
  }

  private func end(
    _ at: Instant, _ explanation: Explanation, _ isActive: Bool, _ decided: TransitionCause?
  ) -> SpellRecord.End {
    SpellRecord.End(
      at: at, version: explanation.version,
      cause: explanation.cause(isActive: isActive, decided), recordedIn: id)
  }

  // MARK: Restate

  /// A transition that stays, for another cause: what it is compared with has changed.
  private struct Restated {
    let at: Instant
    let cause: TransitionCause
    /// Nil for the version on record.
    let version: Int32?
  }

  /// The transitions at the as-of and at the next that stay, and whose cause is another now.
  private func restated(
    _ facts: Facts, _ explanations: Explanations
  ) async throws -> [Key: [Restated]] {
    let isExplained = around.same?.versions == explanations.versions && !facts.decided.isNew
    if around.same != nil, isExplained { return [:] }
    let turned = Dictionary(facts.turned.map { ($0.segment, $0.into | $0.out) }) { one, _ in one }
    var found: [Key: [Restated]] = [:]
    for asOf in around.same == nil ? [after.asOf] : [new.asOf, after.asOf] {
      let rows = try await connection.query(
        SQL(file: "queries/segments/select_transitions_at.sql", asOf))
      for row in rows {
        let key = Key(customer: try row.get("customer_id"), segment: try row.get("segment_id"))
        let known = try cause(row.get("cause"))
        // What a late event or a merge has done it still has.
        guard ![.late, .merge, .erasure].contains(known) else { continue }
        let place = facts.customers.row(of: key.customer)
        if let place, turned[key.segment]?[place] ?? false { continue }
        let isNext = asOf == after.asOf
        let explanation =
          isNext ? explanations.next(key.segment) : explanations.here(key.segment)
        let now = explanation.cause(
          isActive: (isNext ? facts.activeNext : facts.active).contains(key.customer),
          place.flatMap { place in
            (isNext ? facts.decided.next : facts.decided.here)[key.segment]?.cause(of: place)
          })
        // A segment that has left the catalogue is left under the rule before.
        let version = try row.get("version", as: Int32?.self)
        if now != known || (version != nil && version != explanation.version) {
          found[key, default: []].append(
            Restated(
              at: asOf, cause: now, version: version == nil ? nil : explanation.version))
        }
      }
    }
    return found
  }

  private func restate(
    _ records: [Key: [SpellRecord]], _ restated: [Key: [Restated]], _ changes: inout Changes
  ) {
    for (key, causes) in restated {
      func now(_ end: SpellRecord.End) -> SpellRecord.End {
        guard let restated = causes.first(where: { $0.at == end.at }) else { return end }
        return SpellRecord.End(
          at: end.at, version: restated.version ?? end.version, cause: restated.cause,
          recordedIn: end.recordedIn)
      }
      for record in records[key] ?? [] {
        changes.records.append(
          SpellRecord(
            customer: key.customer, segment: key.segment, entered: now(record.entered),
            left: record.left.map(now)))
      }
    }
  }

  /// Every turn makes or unmakes one transition here and one at the next.
  private func count(
    _ turn: SpellTurn, _ old: [SpellRecord], _ segment: Int32, _ changes: inout Changes
  ) {
    let before = old.contains { $0.entered.at < turn.here.at }
    let later = old.contains { $0.covers(turn.next.at) }
    var (here, next) = (changes.here[segment] ?? (0, 0), changes.next[segment] ?? (0, 0))
    switch (before, turn.isMember) {
    case (false, true): here.entered += 1
    case (false, false): here.entered -= 1
    case (true, false): here.left += 1
    case (true, true): here.left -= 1
    }
    switch (later, turn.isMember) {
    case (true, true): next.entered -= 1
    case (true, false): next.entered += 1
    case (false, true): next.left += 1
    case (false, false): next.left -= 1
    }
    (changes.here[segment], changes.next[segment]) = (here, next)
    if before != turn.isMember {
      var causes = changes.causes[segment]?[turn.here.cause] ?? (0, 0)
      if turn.isMember { causes.entered += 1 } else { causes.left += 1 }
      changes.causes[segment, default: [:]][turn.here.cause] = causes
    }
  }

  // MARK: Read and write

  private func sendTurned(_ facts: Facts, _ restated: [Key: [Restated]]) async throws {
    _ = try await connection.copyIn(
      "COPY segments.delta (customer_id, segment_id, cause, action) FROM STDIN (FORMAT binary)"
    ) { writer in
      var encoder = BinaryCopyEncoder(columns: 4)
      for turned in facts.turned {
        for set in [turned.into, turned.out] {
          for row in set.rows {
            encoder.beginRow()
            encoder.append(int64: facts.customers.ids[row])
            encoder.append(int32: turned.segment)
            encoder.append(text: TransitionCause.late.rawValue)
            encoder.append(int16: 4)
            if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
          }
        }
      }
      for key in restated.keys {
        encoder.beginRow()
        encoder.append(int64: key.customer)
        encoder.append(int32: key.segment)
        encoder.append(text: TransitionCause.late.rawValue)
        encoder.append(int16: 4)
      }
      encoder.finish()
      try await writer.write(bytes: encoder.take())
    }
    try await Publication.prepareDelta(on: connection)
  }

  private func supersede() async throws -> [Key: [SpellRecord]] {
    var found: [Key: [SpellRecord]] = [:]
    func add(_ row: Row, left: SpellRecord.End?) throws {
      let customer = try row.get("customer_id", as: Int64.self)
      let segment = try row.get("segment_id", as: Int32.self)
      let record = SpellRecord(
        customer: customer, segment: segment,
        entered: SpellRecord.End(
          at: try row.get("valid_from"), version: try row.get("entered_version"),
          cause: try cause(row.get("entered_cause")), recordedIn: id), left: left)
      found[Key(customer: customer, segment: segment), default: []].append(record)
    }
    let ended = try await connection.query(
      SQL(file: "queries/segments/supersede_ended_spells.sql", id, new.asOf, after.asOf))
    for row in ended {
      try add(
        row,
        left: SpellRecord.End(
          at: try row.get("valid_to"), version: try row.get("left_version", as: Int32?.self),
          cause: try cause(row.get("left_cause")), recordedIn: try row.get("closed_in")))
    }
    let open = try await connection.query(
      SQL(file: "queries/segments/supersede_open_spells.sql", id, after.asOf))
    for row in open { try add(row, left: nil) }
    _ = try await Publication.clearDelta(of: 0, on: connection)
    return found
  }

  private func cause(_ text: String) throws -> TransitionCause {
    guard let cause = TransitionCause(rawValue: text) else {
      throw SegmentError(
        code: "segments.unknown_cause", message: "expected a cause, found '\(text)'",
        hint: "the database is of a newer release; update this program")
    }
    return cause
  }

  private func write(_ changes: Changes) async throws {
    let ended = changes.records.filter { $0.left != nil }
    if !ended.isEmpty {
      _ = try await connection.copyIn(
        """
        COPY segments.ended_spell (
          customer_id, valid_from, valid_to, segment_id, opened_in, closed_in, entered_version,
          left_version, entered_cause, left_cause)
        FROM STDIN (FORMAT binary)
        """
      ) { writer in
        var encoder = BinaryCopyEncoder(columns: 10)
        for record in ended {
          guard let left = record.left else { continue }
          encoder.beginRow()
          encoder.append(int64: record.customer)
          encoder.append(instant: record.entered.at.microseconds)
          encoder.append(instant: left.at.microseconds)
          encoder.append(int32: record.segment)
          encoder.append(int32: id)
          encoder.append(int32: left.recordedIn)
          encoder.append(int32: record.entered.version)
          encoder.append(int32: left.version)
          encoder.append(text: record.entered.cause.rawValue)
          encoder.append(text: left.cause.rawValue)
          if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
        }
        encoder.finish()
        try await writer.write(bytes: encoder.take())
      }
    }
    let open = changes.records.filter { $0.left == nil }
    if open.isEmpty { return }
    _ = try await connection.copyIn(
      """
      COPY segments.open_spell (
        customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
      FROM STDIN (FORMAT binary)
      """
    ) { writer in
      var encoder = BinaryCopyEncoder(columns: 6)
      for record in open {
        encoder.beginRow()
        encoder.append(int64: record.customer)
        encoder.append(instant: record.entered.at.microseconds)
        encoder.append(int32: record.segment)
        encoder.append(int32: id)
        encoder.append(int32: record.entered.version)
        encoder.append(text: record.entered.cause.rawValue)
        if encoder.count >= 256 << 10 { try await writer.write(bytes: encoder.take()) }
      }
      encoder.finish()
      try await writer.write(bytes: encoder.take())
    }
  }

  private struct Size {
    let members: Int64
    let entered: Int64
    let left: Int64
  }

  /// The sizes at the as-of, of every segment.
  private func sizes(_ facts: Facts, _ changes: Changes) async throws -> [Int32: Size] {
    var stood: [Int32: (entered: Int64, left: Int64)] = [:]
    if around.same != nil {
      let rows = try await connection.query(
        SQL(file: "queries/segments/select_sizes_at.sql", new.asOf))
      for row in rows {
        stood[try row.get("segment_id")] = (try row.get("entered"), try row.get("left"))
      }
    }
    var sizes: [Int32: Size] = [:]
    for turned in facts.turned {
      let (was, moved) = (
        stood[turned.segment] ?? (0, 0), changes.here[turned.segment] ?? (0, 0)
      )
      sizes[turned.segment] = Size(
        members: Int64(turned.members + turned.into.population - turned.out.population),
        entered: was.entered + moved.entered, left: was.left + moved.left)
    }
    // Of segments that have left the catalogue it stays who left them.
    for (segment, was) in stood where sizes[segment] == nil {
      sizes[segment] = Size(members: 0, entered: was.entered, left: was.left)
    }
    return sizes
  }

  private func write(_ sizes: [Int32: Size], _ changes: Changes) async throws {
    let segments = sizes.keys.sorted()
    let next = changes.next.keys.sorted()
    // Between the nights a segment has a size only where it moved: it had as many as here before.
    let members = next.map { segment -> Int64 in
      let (moved, size) = (changes.here[segment] ?? (0, 0), sizes[segment]?.members ?? 0)
      return size - moved.entered + moved.left
    }
    _ = try await connection.pipeline([
      SQL(file: "queries/segments/delete_sizes.sql", new.asOf),
      SQL(
        file: "queries/segments/insert_sizes.sql", new.asOf, segments,
        segments.map { sizes[$0]?.members ?? 0 }, segments.map { sizes[$0]?.entered ?? 0 },
        segments.map { sizes[$0]?.left ?? 0 }),
      SQL(
        file: "queries/segments/move_sizes.sql", after.asOf, next, members,
        next.map { changes.next[$0]?.entered ?? 0 }, next.map { changes.next[$0]?.left ?? 0 }),
    ])
  }

  // MARK: Result

  private func result(
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
