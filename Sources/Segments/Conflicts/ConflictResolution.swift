import Columns
import Rules
import Schedules

/// Makes of what the rules found what is published: overrides, then exclusive groups, then the fatigue
/// cap, then the default segment.
///
/// Pure, and decided for each customer alone: a night, a backfill and a step for few customers agree.
///
/// 1. *Overrides*: `(rule or pinned in) and not pinned out`, those in force at the as-of.
/// 2. *Groups*: of a group's segments the best one stays. Segments that a customer is pinned into come
///    first, then the order of the catalogue's choice (``Rules/SegmentRank``).
/// 3. *Cap*: in the same order each segment takes a place in each of its channels; one that finds a
///    channel full is lost.
/// 4. *Default*: who is in no segment is in the default one, unless pinned out of it.
public struct ConflictResolution: Sendable {
  private let policy: SegmentPolicy
  private let ranks: [SegmentRank]
  private let groups: [String: [Int]]
  private let channels: [[String]]
  private let overrides: Overrides
  private let unruled: SegmentDefinition?
  private let names: [String]

  /// The resolution of a catalogue's conflicts.
  ///
  /// - Parameter overrides: those known; each counts where it is in force. Overrides for segments that
  ///   the catalogue lacks count nowhere.
  public init(_ catalogue: SegmentCatalogue, overrides: Overrides = Overrides()) {
    policy = catalogue.policy
    self.overrides = overrides
    var ranks = catalogue.segments.map {
      SegmentRank(name: $0.name, priority: $0.priority, weight: $0.weight)
    }
    var names = catalogue.segments.map(\.name)
    if let fallback = policy.fallback, let segment = fallback.withoutRule {
      ranks.append(
        SegmentRank(name: fallback.name, priority: segment.priority, weight: segment.weight))
      names.append(fallback.name)
      unruled = SegmentDefinition(
        name: fallback.name, title: segment.title, description: segment.description ?? "",
        priority: segment.priority, rule: "customers in no other segment",
        ruleVersion: SegmentDefinition.unruledVersion)
    } else {
      unruled = nil
    }
    self.ranks = ranks
    self.names = names
    var groups: [String: [Int]] = [:]
    for (number, segment) in catalogue.segments.enumerated() {
      if let group = segment.group { groups[group, default: []].append(number) }
    }
    self.groups = groups.filter { $0.value.count > 1 }
    let capped = Set(catalogue.policy.fatigue.keys)
    channels = catalogue.segments.map { Set($0.channels).intersection(capped).sorted() }
  }

  /// Whether anything can differ from what the rules found at an instant.
  public func isIdle(at asOf: Instant) -> Bool {
    groups.isEmpty && policy.fatigue.isEmpty && policy.fallback == nil
      && overrides.inForce(at: asOf).isEmpty && ordered == nil
  }

  /// What is published of an evaluation; the evaluation itself where nothing competes.
  ///
  /// - Parameter raw: what the rules of the same catalogue found, of everyone or of some.
  public func callAsFunction(_ raw: SegmentEvaluation) -> SegmentEvaluation {
    if isIdle(at: raw.asOf) { return raw }
    var stage = Stage(raw, extra: unruled)
    let pins = pins(at: raw.asOf, raw.customers)
    stage.pin(pins)
    let order = ranks.indices.sorted {
      SegmentRank.wins(ranks[$0], over: ranks[$1], by: policy.primary)
    }
    if !groups.isEmpty { stage.settle(groups: groups, order, pins) }
    if !policy.fatigue.isEmpty { stage.settle(fatigue: policy.fatigue, channels, order, pins) }
    if let fallback = policy.fallback, let number = names.firstIndex(of: fallback.name) {
      stage.fill(number, except: pins[number]?.out)
    }
    return stage.evaluation(order: ordered)
  }

  /// The place of each segment where the choice is not by priority and name alone; else nil.
  private var ordered: [Int]? {
    if policy.primary == .priority, ranks.allSatisfy({ $0.weight == nil }) { return nil }
    var places = Array(repeating: 0, count: ranks.count)
    let order = ranks.indices.sorted {
      SegmentRank.wins(ranks[$0], over: ranks[$1], by: policy.primary)
    }
    for (place, number) in order.enumerated() { places[number] = place }
    return places
  }

  /// Who is pinned into and out of which segment.
  private func pins(at asOf: Instant, _ customers: IDIndex) -> [Int: Pins] {
    var pins: [Int: Pins] = [:]
    let numbers = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    for pin in overrides.inForce(at: asOf) {
      guard let number = numbers[pin.segment], let row = customers.row(of: pin.customerID) else {
        continue
      }
      switch pin.direction {
      case .in: pins[number, default: Pins(customers.count)].in[row] = true
      case .out: pins[number, default: Pins(customers.count)].out[row] = true
      }
    }
    return pins
  }
}

/// Who is pinned into and out of a segment.
struct Pins {
  var `in`: Bitset
  var out: Bitset

  init(_ count: Int) {
    `in` = Bitset(count: count)
    out = Bitset(count: count)
  }
}

/// An evaluation on its way from what the rules found to what is published.
private struct Stage {
  private let raw: SegmentEvaluation
  private var segments: [SegmentDefinition]
  private let ruled: [Bitset]
  private var sets: [Bitset]
  private var differences: [MembershipDifference.Key: SparseRows] = [:]

  init(_ raw: SegmentEvaluation, extra: SegmentDefinition?) {
    self.raw = raw
    let nobody = Bitset(count: raw.customers.count)
    segments = raw.segments + [extra].compactMap { $0 }
    ruled = raw.members + (extra == nil ? [] : [nobody])
    sets = ruled
  }

  /// - Parameter rows: none of which the difference has.
  private mutating func note(_ key: MembershipDifference.Key, _ rows: SparseRows) {
    if rows.isEmpty { return }
    differences[key, default: SparseRows([])].add(rows)
  }

  mutating func pin(_ pins: [Int: Pins]) {
    for (segment, pin) in pins {
      note(
        .init(segment: segment, reason: .pinnedOut, isRuled: true),
        SparseRows(ruled[segment] & pin.out))
      let added = pin.in.subtracting(ruled[segment]).subtracting(pin.out)
      note(.init(segment: segment, reason: .pinnedIn, isRuled: false), SparseRows(added))
      sets[segment] = (ruled[segment] | pin.in).subtracting(pin.out)
    }
  }

  mutating func settle(groups: [String: [Int]], _ order: [Int], _ pins: [Int: Pins]) {
    for name in groups.keys.sorted() {
      let members = Set(groups[name] ?? [])
      let entrants = entrants(order.filter(members.contains), pins) { _ in [0] }
      let contest = Contest(entrants, sizes: [1], customers: raw.customers.count)
      apply(contest, entrants, .group) { _ in nil }
    }
  }

  mutating func settle(
    fatigue: [String: Int], _ channels: [[String]], _ order: [Int], _ pins: [Int: Pins]
  ) {
    // A channel with a place for each of its segments is never full.
    let names = fatigue.filter { channel, most in
      channels.count { $0.contains(channel) } > most
    }.keys.sorted()
    let numbers = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    // The default segment without a rule takes no place: nobody is in it yet.
    let competing = order.filter { segment in
      segment < channels.count && channels[segment].contains { numbers[$0] != nil }
    }
    if competing.isEmpty { return }
    let entrants = entrants(competing, pins) { channels[$0].compactMap { numbers[$0] } }
    let contest = Contest(
      entrants, sizes: names.map { fatigue[$0] ?? 1 }, customers: raw.customers.count)
    apply(contest, entrants, .cap) { names[$0] }
  }

  /// Pinned customers of all segments first, then the others.
  private func entrants(
    _ order: [Int], _ pins: [Int: Pins], places: (Int) -> [Int]
  ) -> [Contest.Entrant] {
    var pinned: [Contest.Entrant] = []
    var others: [Contest.Entrant] = []
    for segment in order {
      var rest = sets[segment]
      if let pin = pins[segment] {
        let here = rest & pin.in
        rest = rest.subtracting(here)
        if !here.isEmpty {
          pinned.append(
            Contest.Entrant(segment: segment, customers: here, places: places(segment)))
        }
      }
      others.append(Contest.Entrant(segment: segment, customers: rest, places: places(segment)))
    }
    return pinned + others
  }

  private mutating func apply(
    _ contest: Contest, _ entrants: [Contest.Entrant], _ reason: MembershipDifference.Reason,
    channel: (Int) -> String?
  ) {
    // A segment enters twice where some of its customers are pinned.
    for segment in Set(entrants.map(\.segment)) {
      sets[segment] = Bitset(count: raw.customers.count)
    }
    for (entrant, kept) in zip(entrants, contest.kept) {
      sets[entrant.segment] = sets[entrant.segment] | kept
    }
    for loss in contest.losses {
      let segment = entrants[loss.entrant].segment
      let key = MembershipDifference.Key(
        segment: segment, reason: reason, winner: entrants[loss.winner].segment,
        channel: channel(loss.place), isRuled: true)
      note(key, loss.customers.filter { ruled[segment][$0] })
      let pinned = loss.customers.filter { !ruled[segment][$0] }
      if !pinned.isEmpty { lose(pinned, key) }
    }
  }

  /// Pins that lost have made no difference.
  private mutating func lose(_ pinned: SparseRows, _ key: MembershipDifference.Key) {
    var key = key
    key.isRuled = false
    note(key, pinned)
    let pin = MembershipDifference.Key(segment: key.segment, reason: .pinnedIn, isRuled: false)
    guard let noted = differences[pin] else { return }
    let left = noted.filter { !pinned.contains($0) }
    differences[pin] = left.isEmpty ? nil : left
  }

  /// Puts those who are in nothing into a segment.
  mutating func fill(_ segment: Int, except out: Bitset?) {
    var everywhere = Bitset(count: raw.customers.count)
    for set in sets { everywhere = everywhere | set }
    var added = ~everywhere
    if let out { added = added.subtracting(out) }
    if added.isEmpty { return }
    sets[segment] = sets[segment] | added
    // Nobody of them has lost it: who loses a place loses it to a segment that stays.
    note(.init(segment: segment, reason: .fallback, isRuled: false), SparseRows(added))
  }

  func evaluation(order: [Int]?) -> SegmentEvaluation {
    SegmentEvaluation(
      asOf: raw.asOf, customers: raw.customers,
      segments: zip(segments.indices, segments).map { number, segment in
        order.map { segment.ordered($0[number]) } ?? segment
      }, members: sets,
      differences: differences.map { MembershipDifference($0.key, $0.value) }.sorted {
        MembershipDifference.Key.precedes($0.key, $1.key)
      })
  }
}
