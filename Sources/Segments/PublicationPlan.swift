import Columns
import Schedules

/// What a publication changes, decided before anything is written.
///
/// Two earlier evaluations matter. *Live* is what readers see; *base* is the live one of the as-of
/// before. They are the same when time moves forward. When the live as-of is published again,
/// what the earlier attempt changed may turn out wrong, and base tells which:
///
///     in base  in live  in new
///        no       no      yes    the customer enters
///        yes      yes     no     the customer leaves
///        yes      no      yes    the leaving recorded at this as-of was wrong: the spell reopens
///        no       yes     no     the entry recorded at this as-of was wrong: it is retracted
struct PublicationPlan: Sendable {
  /// One segment of the new catalogue, or one that left it. A class, because every row that moves asks
  /// for its segment's.
  final class Change: Sendable {
    /// As it is to be published; for a segment that left the catalogue, as it was live.
    let definition: SegmentDefinition
    /// Whether the new catalogue has the segment.
    let isLive: Bool
    /// Whether the rule decides every transition here: it is new, changed or gone.
    let ruleChanged: Bool
    let members: Int
    /// Against base.
    let entered: Int
    let left: Int
    let enters: Bitset
    let leaves: Bitset
    let reopens: Bitset
    let retracts: Bitset
    /// Who moves because of something other than the rule; nil for nobody.
    let decided: DecidedCauses?

    init(
      definition: SegmentDefinition, isLive: Bool, ruleChanged: Bool, members: Int, entered: Int,
      left: Int, enters: Bitset, leaves: Bitset, reopens: Bitset, retracts: Bitset,
      decided: DecidedCauses?
    ) {
      self.definition = definition
      self.isLive = isLive
      self.ruleChanged = ruleChanged
      self.members = members
      self.entered = entered
      self.left = left
      self.enters = enters
      self.leaves = leaves
      self.reopens = reopens
      self.retracts = retracts
      self.decided = decided
    }

    /// Whether no row of the spells changes.
    var isStill: Bool {
      enters.isEmpty && leaves.isEmpty && reopens.isEmpty && retracts.isEmpty
    }
  }

  let asOf: Instant
  /// Every customer of the new and the earlier evaluations; the rows of the sets below.
  let customers: IDIndex
  /// The new catalogue in its order, then the segments that left it.
  let changes: [Change]
  /// Whether any definition differs from the live one.
  let catalogueChanged: Bool

  /// Whether publishing would change nothing that readers see.
  let isEmpty: Bool

  /// Decides what to change.
  ///
  /// - Parameters:
  ///   - new: what to publish.
  ///   - live: what readers see; nil before the first publication.
  ///   - base: the live evaluation of the as-of before; nil where there was none.
  init(publishing new: SegmentEvaluation, live: SegmentEvaluation?, base: SegmentEvaluation?) {
    let known = [live, base].compactMap { $0?.customers }
    let universe = known.reduce(new.customers) { Self.union($0, $1) }
    let newSets = Self.sets(of: new, over: universe)
    let liveSets = Self.sets(of: live, over: universe)
    // As a rule, time moves forward: what readers see is what is compared with.
    let movesForward = live == base
    let baseSets = movesForward ? liveSets : Self.sets(of: base, over: universe)
    let liveDefinitions = Self.definitions(of: live)
    let baseDefinitions = Self.definitions(of: base)
    let nobody = Bitset(count: universe.count)
    let newMarks = DecidedCauses.marks(of: new, over: universe)
    let baseMarks = DecidedCauses.marks(of: base, over: universe)

    func change(_ definition: SegmentDefinition, isLive: Bool) -> Change {
      let now = newSets[definition.name] ?? nobody
      let seen = liveSets[definition.name] ?? nobody
      let before = baseSets[definition.name] ?? nobody
      let arriving = now.subtracting(seen)
      let departing = seen.subtracting(now)
      let (entered, left) =
        movesForward ? (arriving, departing) : (now.subtracting(before), before.subtracting(now))
      let marks = (newMarks[definition.name], baseMarks[definition.name])
      return Change(
        definition: definition, isLive: isLive,
        ruleChanged: !isLive
          || baseDefinitions[definition.name]?.ruleVersion != definition.ruleVersion,
        members: now.population, entered: entered.population, left: left.population,
        enters: movesForward ? arriving : arriving.subtracting(before),
        leaves: movesForward ? departing : departing & before,
        reopens: movesForward ? nobody : arriving & before,
        retracts: movesForward ? nobody : departing.subtracting(before),
        decided: !isLive || (marks.0 == nil && marks.1 == nil)
          ? nil : DecidedCauses(now: marks.0, before: marks.1, moving: entered | left))
    }

    let gone =
      (live?.segments ?? [])
      + (base?.segments ?? []).filter {
        liveDefinitions[$0.name] == nil
      }
    asOf = new.asOf
    customers = universe
    changes =
      new.segments.map { change($0, isLive: true) }
      + gone.filter { newSets[$0.name] == nil }.map { change($0, isLive: false) }
    catalogueChanged = liveDefinitions != Self.definitions(of: new)
    isEmpty =
      live?.asOf == new.asOf && !catalogueChanged && changes.allSatisfy { $0.isStill }
      && (live?.hasSameDifferences(as: new) ?? true)
  }

  private static func definitions(
    of evaluation: SegmentEvaluation?
  ) -> [String: SegmentDefinition] {
    Dictionary(
      (evaluation?.segments ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  private static func sets(
    of evaluation: SegmentEvaluation?, over universe: IDIndex
  ) -> [String: Bitset] {
    guard let evaluation else { return [:] }
    let remap = RowMap(from: evaluation.customers, to: universe)
    return Dictionary(
      zip(evaluation.segments, evaluation.members).map { ($0.name, remap($1)) },
      uniquingKeysWith: { first, _ in first })
  }

  static func union(_ left: IDIndex, _ right: IDIndex) -> IDIndex {
    // Ids only grow, as a rule: the new index then holds all of the old.
    if RowMap.isPrefix(right.ids, of: left.ids) { return left }
    if RowMap.isPrefix(left.ids, of: right.ids) { return right }
    return IDIndex(left.ids + right.ids)
  }
}

/// Carries sets from the rows of one index to those of a larger one.
struct RowMap {
  private let count: Int
  /// The target row of each row; nil where rows keep their numbers.
  private let rows: [Int]?

  init(from source: IDIndex, to target: IDIndex) {
    count = target.count
    rows = Self.isPrefix(source.ids, of: target.ids) ? nil : source.rows(in: target)
  }

  func callAsFunction(_ set: Bitset) -> Bitset {
    guard let rows else { return set.count == count ? set : set.resized(to: count) }
    var result = Bitset(count: count)
    set.forEach { if rows[$0] >= 0 { result[rows[$0]] = true } }
    return result
  }

  /// The rows that a list has there; those that are gone are left out.
  func callAsFunction(_ list: SparseRows) -> SparseRows {
    guard let rows else { return list }
    return SparseRows(list.rows.lazy.map { rows[Int($0)] }.filter { $0 >= 0 })
  }

  /// Puts the rows of a list into a set.
  func mark(_ list: SparseRows, in set: inout Bitset) {
    for row in list.rows {
      let place = rows.map { $0[Int(row)] } ?? Int(row)
      if place >= 0 { set[place] = true }
    }
  }

  static func isPrefix(_ ids: [Int64], of all: [Int64]) -> Bool {
    // Slices of the same buffer are equal at once, and others word by word.
    ids.count <= all.count && ids[...] == all[..<ids.count]
  }
}
