import Columns
import Rules
import Schedules
import TestSupport
import Testing

@testable import Segments

/// One attribute, so that every catalogue can be parsed; the rules are never evaluated here.
private let attributes = AttributeList([Attribute(name: "n", type: .number)])

/// A policy, memberships and overrides, at random.
private struct RandomConflict {
  var naive: NaiveConflicts
  var yaml: String
  var raw: [Set<String>]
  var overrides: [Override]
  let customers: [Int64]

  static let asOf = Instant(seconds: 1_000_000)

  init(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...9, using: &random)
    let byScore = Bool.random(using: &random)
    let hasWeights = byScore || Bool.random(using: &random)
    var segments: [NaiveConflicts.Segment] = (0..<count).map { number in
      NaiveConflicts.Segment(
        name: "s\((number * 7) % 10)\(number)",
        priority: Bool.random(using: &random) ? Int.random(in: 1...3, using: &random) : nil,
        weight: hasWeights ? Double(Int.random(in: 1...3, using: &random)) : nil,
        group: Bool.random(using: &random) ? "g\(Int.random(in: 0...1, using: &random))" : nil,
        channels: ["email", "push", "sms"].filter { _ in Bool.random(using: &random) })
    }
    // A group of one is a fault of the catalogue.
    for number in segments.indices {
      let group = segments[number].group
      if segments.count(where: { $0.group == group }) == 1 { segments[number].group = nil }
    }
    let declared = Set(segments.flatMap(\.channels)).sorted()
    var fatigue: [String: Int] = [:]
    for channel in declared where Bool.random(using: &random) {
      let isWide = Int.random(in: 0..<8, using: &random) == 0
      fatigue[channel] = isWide ? .max : Int.random(in: 1...3, using: &random)
    }
    var fallback: String?
    var isUnruled = false
    switch Int.random(in: 0...2, using: &random) {
    case 0: fallback = segments[0].name
    case 1:
      fallback = "everyone_else"
      isUnruled = true
      segments.append(
        NaiveConflicts.Segment(name: "everyone_else", weight: byScore ? 0.5 : nil))
    default: break
    }
    naive = NaiveConflicts(
      segments: segments, byScore: byScore, fatigue: fatigue, fallback: fallback)
    yaml = Self.yaml(naive, isUnruled: isUnruled)
    let ruled = segments.filter { !isUnruled || $0.name != "everyone_else" }
    customers = (0..<Int64(Int.random(in: 1...150, using: &random))).map { $0 * 3 + 5 }
    raw = customers.map { _ in
      Set(ruled.filter { _ in Int.random(in: 0...2, using: &random) == 0 }.map(\.name))
    }
    overrides = []
    for number in 0..<Int64(Int.random(in: 0...60, using: &random)) {
      let start = Self.asOf.microseconds + Int64(Int.random(in: -2...1, using: &random))
      let length = Int64(Int.random(in: 1...3, using: &random))
      overrides.append(
        Override(
          id: number, customerID: Int64(Int.random(in: 0...460, using: &random)),
          customerKey: "", segment: segments.randomElement(using: &random)?.name ?? "",
          direction: Bool.random(using: &random) ? .in : .out,
          validFrom: Instant(microseconds: start),
          validTo: Bool.random(using: &random) ? Instant(microseconds: start + length) : nil,
          author: "", reason: "", recordedAt: Instant(seconds: 0)))
    }
  }

  private static func yaml(_ naive: NaiveConflicts, isUnruled: Bool) -> String {
    var text = "version: 1\n"
    if naive.byScore { text += "primary: score\n" }
    if !naive.fatigue.isEmpty {
      let caps = naive.fatigue.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      text += "fatigue: {\(caps.joined(separator: ", "))}\n"
    }
    if let fallback = naive.fallback { text += "default: {segment: \(fallback)}\n" }
    text += "segments:\n"
    for (number, segment) in naive.segments.enumerated() {
      text += "  - {name: \(segment.name)"
      if !isUnruled || segment.name != naive.fallback { text += ", rule: 'n > \(number)'" }
      if let priority = segment.priority { text += ", priority: \(priority)" }
      if let weight = segment.weight { text += ", weight: \(weight)" }
      if let group = segment.group { text += ", group: \(group)" }
      if !segment.channels.isEmpty {
        text += ", channels: [\(segment.channels.joined(separator: ", "))]"
      }
      text += "}\n"
    }
    return text
  }

  /// Who is pinned how at the as-of.
  func pins(_ customer: Int64, _ direction: Override.Direction) -> Set<String> {
    Set(
      overrides.filter { pin in
        pin.customerID == customer && pin.direction == direction && pin.validFrom <= Self.asOf
          && (pin.validTo ?? Instant(microseconds: .max)) > Self.asOf
      }.map(\.segment))
  }
}

@Suite("When segments compete")
struct ConflictResolutionTests {
  private func catalogue(_ yaml: String) throws -> SegmentCatalogue {
    try SegmentCatalogue.parse(yaml, attributes: attributes)
  }

  /// What the rules find, as the engine hands it over.
  private func raw(
    _ catalogue: SegmentCatalogue, _ customers: [Int64], _ sets: [Set<String>]
  ) -> SegmentEvaluation {
    SegmentEvaluation(
      asOf: RandomConflict.asOf, customers: IDIndex(customers),
      segments: catalogue.segments.map {
        SegmentDefinition(
          name: $0.name, title: $0.title, priority: $0.priority, rule: "", ruleVersion: "v")
      },
      members: catalogue.segments.map { segment in
        Bitset(count: customers.count) { sets[$0].contains(segment.name) }
      })
  }

  private func result(_ found: SegmentEvaluation, _ row: Int) -> NaiveConflicts.Result {
    var result = NaiveConflicts.Result()
    for (segment, members) in zip(found.segments, found.members) where members[row] {
      result.members.insert(segment.name)
    }
    for number in found.segments.indices {
      guard let key = found.difference(of: row, in: number), !key.isMember else { continue }
      result.lost[found.segments[number].name] = NaiveConflicts.Loss(
        reason: key.reason == .pinnedOut ? "override" : key.reason.rawValue,
        winner: key.winner.map { found.segments[$0].name }, channel: key.channel)
    }
    return result
  }

  @Test("The engine decides as one does by hand, and nothing of what the rules found is lost")
  func oracle() throws {
    var (lost, pinned, filled) = (0, 0, 0)
    for seed in 0..<400 as Range<UInt64> {
      let random = RandomConflict(seed: seed)
      let catalogue = try catalogue(random.yaml)
      let raw = raw(catalogue, random.customers, random.raw)
      let resolution = ConflictResolution(catalogue, overrides: Overrides(random.overrides))
      let found = resolution(raw)
      for (row, customer) in random.customers.enumerated() {
        let expected = random.naive(
          random.raw[row], pinnedIn: random.pins(customer, .in),
          pinnedOut: random.pins(customer, .out))
        let actual = result(found, row)
        #expect(
          actual == expected, "seed \(seed), customer \(customer), of \(random.raw[row].sorted())")
        if actual != expected { return }
        let ranked = SegmentDefinition.ranked(found.segments).map(\.name)
        #expect(
          ranked.first { actual.members.contains($0) }
            == random.naive.primary(of: actual.members))
        lost += actual.lost.count
      }
      #expect(Array(found.rawMembers.prefix(raw.members.count)) == raw.members)
      pinned += found.differences.count { $0.key.reason == .pinnedIn }
      filled += found.differences.count { $0.key.reason == .fallback }
      // Some customers alone are decided as among all.
      let some = random.customers.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
      let sets = some.map { id in random.raw[random.customers.firstIndex(of: id) ?? 0] }
      let few = resolution(self.raw(catalogue, some, sets))
      for (row, customer) in some.enumerated() {
        let place = random.customers.firstIndex(of: customer) ?? 0
        #expect(result(few, row) == result(found, place))
      }
    }
    #expect(lost > 1000 && pinned > 100 && filled > 50, "the cases must happen")
  }

  @Test("Without policy and overrides the evaluation stays the same value")
  func idle() throws {
    let catalogue = try catalogue(
      """
      segments:
        - {name: a, rule: 'n > 1', priority: 2, channels: [email]}
        - {name: b, rule: 'n > 2', priority: 1}
      """)
    let raw = raw(catalogue, [1, 2], [["a", "b"], []])
    let resolution = ConflictResolution(catalogue)
    #expect(resolution.isIdle(at: raw.asOf))
    #expect(resolution(raw) == raw)
    #expect(resolution(raw).differences.isEmpty)
  }

  @Test("Changes of differences survive their bytes, and lead from one evaluation to the next")
  func changes() throws {
    for seed in 0..<60 as Range<UInt64> {
      let random = RandomConflict(seed: seed)
      let catalogue = try catalogue(random.yaml)
      let resolution = ConflictResolution(catalogue, overrides: Overrides(random.overrides))
      let before = resolution(raw(catalogue, random.customers, random.raw))
      let after = resolution(raw(catalogue, random.customers, random.raw.reversed()))
      var changes = MembershipChanges(turned: [:])
      for (number, sets) in zip(before.members, after.members).enumerated() {
        changes.turned[number] = (sets.0 ^ sets.1).rows.map { random.customers[$0] }
      }
      let (old, new) = (before.differences, after.differences)
      for key in Set((old + new).map(\.key)) {
        let was = Set(old.first { $0.key == key }?.customers.rows ?? [])
        let turned = was.symmetricDifference(new.first { $0.key == key }?.customers.rows ?? [])
        if !turned.isEmpty {
          changes.differing[key] = turned.sorted().map { random.customers[Int($0)] }
        }
      }
      let decoded = try MembershipChanges(
        decoding: changes.encoded(), differences: changes.encodedDifferences(),
        segments: before.segments.count)
      #expect(decoded.differing == changes.differing)
      #expect(before.applying([decoded], asOf: after.asOf) == after)
      #expect(after.hasSameDifferences(as: before.applying([decoded], asOf: after.asOf)))
    }
  }

  @Test("Damaged bytes of differences are refused")
  func damaged() {
    let damaged: [[UInt8]] = [
      [9, 0, 0, 0, 1, 1], [0, 99, 0, 0, 1, 1], [0, 1, 9, 0], [0, 1, 0, 200],
    ]
    for bytes in damaged {
      #expect(throws: SegmentError.self) {
        try MembershipChanges(decoding: [], differences: bytes, segments: 3)
      }
    }
  }

  @Test("Near-duplicates are found by what the rules found, at 95 % and above")
  func nearDuplicates() throws {
    let catalogue = try catalogue(
      """
      near_duplicates: stop
      segments:
        - {name: a, rule: 'n > 1', group: g, priority: 1}
        - {name: b, rule: 'n > 2', group: g}
        - {name: c, rule: 'n > 3'}
        - {name: nobody, rule: 'n > 4'}
        - {name: nobody_else, rule: 'n > 5'}
      """)
    let customers = (1...100).map(Int64.init)
    func raw(_ shared: Int) -> SegmentEvaluation {
      self.raw(
        catalogue, customers,
        (0..<100).map { row in
          var sets: Set<String> = ["a"]
          if row < shared { sets.insert("b") }
          if row >= 50 { sets.insert("c") }
          return sets
        })
    }
    #expect(raw(94).nearDuplicates().isEmpty)
    let pairs = [NearDuplicate(segment: "a", other: "b", share: 0.95)]
    #expect(raw(95).nearDuplicates() == pairs)
    // The group leaves nobody in b: what is published does not count.
    let resolved = ConflictResolution(catalogue)(raw(95))
    #expect(resolved.members(of: "b")?.isEmpty == true)
    #expect(resolved.nearDuplicates() == pairs)
    #expect(try raw(95).checkNearDuplicates(by: SegmentPolicy()) == pairs)
    let error = #expect(throws: SegmentError.self) {
      try raw(95).checkNearDuplicates(by: catalogue.policy)
    }
    #expect(error?.code == "segments.near_duplicates")
    #expect(error?.message.contains("'a' and 'b' share 95.0 %") == true)
  }
}
