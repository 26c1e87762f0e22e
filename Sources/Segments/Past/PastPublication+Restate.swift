import Columns
import Schedules
import Warehouse

/// Transitions that stay, and whose cause is another now.
extension PastPublication {
  /// A transition that stays, for another cause: what it is compared with has changed.
  struct Restated {
    let at: Instant
    let cause: TransitionCause
    /// Nil for the version on record.
    let version: Int32?
  }

  /// The transitions at the as-of and at the next that stay, and whose cause is another now.
  func restated(
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

  func restate(
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
  func count(
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
}
