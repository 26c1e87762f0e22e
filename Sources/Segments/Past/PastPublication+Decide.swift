import Columns
import Schedules
import Warehouse

/// What replaces the records that touch the span, and what moves.
extension PastPublication {
  struct Key: Hashable {
    let customer: Int64
    let segment: Int32
  }

  /// What is to be written.
  struct Changes {
    var records: [SpellRecord] = []
    /// By segment: how entered and left change at the as-of and at the next.
    var here: [Int32: (entered: Int64, left: Int64)] = [:]
    var next: [Int32: (entered: Int64, left: Int64)] = [:]
    /// By segment and cause: who enters and leaves anew at the as-of.
    var causes: [Int32: [TransitionCause: (entered: Int, left: Int)]] = [:]
  }

  func replace(
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
  struct Explanation {
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
  struct Explanations {
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

  func explanations(_ facts: Facts) -> Explanations {
    Explanations(
      before: around.before.map(\.versions), versions: facts.catalogue.versions(of: new),
      after: after.versions, scored: facts.catalogue.scored)
  }

  func end(
    _ at: Instant, _ explanation: Explanation, _ isActive: Bool, _ decided: TransitionCause?
  ) -> SpellRecord.End {
    SpellRecord.End(
      at: at, version: explanation.version,
      cause: explanation.cause(isActive: isActive, decided), recordedIn: id)
  }
}
