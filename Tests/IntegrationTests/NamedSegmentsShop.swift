import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import Testing

/// When something happened, seen from the instant of the evaluation.
enum Moment {
  /// So many microseconds before.
  case ago(Int64)
  /// At noon of the local day so many days before the window's last.
  case day(Int)
  /// At the first instant of that day, or so many microseconds after it.
  case start(Int, plus: Int64 = 0)

  static let minute: Int64 = 60_000_000
  static let hour: Int64 = 60 * minute

  func instant(_ asOf: Instant, _ zone: Zone) -> Instant {
    let last = LocalDays(zone: zone).lastDay(before: asOf)
    func midnight(_ back: Int) -> Int64 { zone.midnight(last - back).microseconds }
    switch self {
    case .ago(let time): return Instant(microseconds: asOf.microseconds - time)
    case .day(let back): return Instant(microseconds: midnight(back) + 12 * Self.hour)
    case .start(let back, let plus): return Instant(microseconds: midnight(back) + plus)
    }
  }
}

/// What somebody did, by hand.
struct Deed {
  var kind: String
  var when: Moment
  var item: String?
  var amount: Int64?
  var properties: [String: ShopProperty] = [:]

  init(
    _ kind: String, _ when: Moment, item: String? = nil, amount: Int64? = nil,
    _ properties: [String: ShopProperty] = [:]
  ) {
    self.kind = kind
    self.when = when
    self.item = item
    self.amount = amount
    self.properties = properties
  }

  /// The same so many times.
  static func * (deed: Deed, count: Int) -> [Deed] { Array(repeating: deed, count: count) }
}

extension [Deed] {
  /// All of them so many times.
  static func * (deeds: [Deed], count: Int) -> [Deed] {
    (0..<count).flatMap { _ in deeds }
  }
}

/// A customer of a scenario: who, what they did, and whether the segment takes them.
struct Somebody {
  var who: String
  var isMember: Bool
  var deeds: [Deed]
  var profile: [String: String]
  var score: Double?

  /// Somebody who is a member.
  static func member(
    _ who: String, _ deeds: [Deed]..., profile: [String: String] = [:], score: Double? = nil
  ) -> Somebody {
    Somebody(who: who, isMember: true, deeds: deeds.flatMap { $0 }, profile: profile, score: score)
  }

  /// Somebody who nearly is.
  static func near(
    _ who: String, _ deeds: [Deed]..., profile: [String: String] = [:], score: Double? = nil
  ) -> Somebody {
    Somebody(who: who, isMember: false, deeds: deeds.flatMap { $0 }, profile: profile, score: score)
  }
}

/// The retail project's rules over customers made by hand.
struct NamedSegmentsShop {
  static let folder = DemoShop.project
  static let zone = Result { try Zone("Europe/Lisbon") }

  let features: FeatureCatalogue
  let segments: SegmentCatalogue
  let zone: Zone

  init() throws {
    let path = Self.folder.appendingPathComponent("segments.yaml").path
    zone = try Self.zone.get()
    features = try FeatureCatalogue(
      contentsOf: Self.folder.appendingPathComponent("features.yaml")
    ).answering(SegmentCatalogue.questions(path: path))
    segments = try SegmentCatalogue.load(
      path: path, attributes: FeatureAttributes(features), zone: zone)
  }

  /// The members of a segment among customers at an instant, by the engine from nothing and from the
  /// state of the midnight before, which must agree.
  func members(
    of segment: String, among people: [Somebody], at asOf: Instant
  ) throws -> Set<String> {
    let population = people.indices.map { Int64($0 + 1) }
    var events: [ShopEvent] = []
    for (row, person) in people.enumerated() {
      for deed in person.deeds {
        let at = deed.when.instant(asOf, zone)
        events.append(
          ShopEvent(
            events.count, Int64(row + 1), deed.kind, at: at, amount: deed.amount, item: deed.item,
            properties: deed.properties))
      }
    }
    return try members(of: segment, among: people, events, population, at: asOf)
  }

  /// The same of events at fixed instants.
  func members(
    of segment: String, among people: [Somebody], _ events: [ShopEvent], _ population: [Int64],
    at asOf: Instant
  ) throws -> Set<String> {
    let engine = MemoryEngine(features, zone: zone)
    let built = try members(
      segment, people, try engine.table(events, asOf: asOf, population: population))
    let stepped = try members(
      segment, people, try engine.stepped(events, asOf: asOf, population: population))
    #expect(built == stepped, "\(segment): from nothing, and step by step")
    return built
  }

  private func members(
    _ segment: String, _ people: [Somebody], _ table: FeatureTable
  ) throws -> Set<String> {
    var table = table
    for feature in features.external {
      switch feature.type {
      case .real:
        let scores = people.map(\.score)
        try table.supply(
          .real(
            Dense(
              scores.map { $0 ?? 0 }, present: Bitset(count: people.count) { scores[$0] != nil })),
          for: feature.name)
      case .boolean:
        let flags = people.map { $0.profile[feature.name] }
        try table.supply(
          .boolean(
            Dense(
              flags.map { $0 == "true" }, present: Bitset(count: people.count) { flags[$0] != nil })
          ),
          for: feature.name)
      case .text, .integer, .decimal, .date, .timestamp:
        let texts = people.map { $0.profile[feature.name] }
        let words = Set(texts.compactMap { $0 }).sorted()
        try table.supply(
          .text(
            Dense(
              texts.map { text in Int32(words.firstIndex { $0 == text } ?? 0) },
              present: Bitset(count: people.count) { texts[$0] != nil }), dictionary: words),
          for: feature.name)
      }
    }
    let evaluation = try EvaluateSegments(segments)(over: table).evaluation
    let place = try #require(
      evaluation.segments.firstIndex { $0.name == segment }, "no segment \(segment)")
    return Set(people.indices.filter { evaluation.members[place][$0] }.map { people[$0].who })
  }

  /// Expects exactly those of the customers who are members.
  func expect(
    _ segment: String, _ people: [Somebody], at asOf: [Instant],
    _ location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    #expect(people.contains(where: \.isMember) && people.contains { !$0.isMember })
    for instant in asOf {
      let found = try members(of: segment, among: people, at: instant)
      let expected = Set(people.filter(\.isMember).map(\.who))
      #expect(
        found == expected, "\(segment) at \(instant): \(found.symmetricDifference(expected))",
        sourceLocation: location)
    }
  }
}
