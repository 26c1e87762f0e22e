import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

/// What was known at an instant, long after other things became known.
@Suite struct FeaturesKnownAtTests {
  private static let sources = """
    version: 1
    profile:
      country: {accepted: [PT, ES, FR], fallback: unknown}
      birth_date: {}
      age: {from: birth_date, derive: age, min: 0, max: 120}
    sources:
      - name: crm
        file: crm.csv
        zone: UTC
        into: customers
        columns: {who: text, seen: timestamp, since: timestamp, country: text, birth_date: text}
        map:
          customer: who
          first_seen_at: seen
          valid_from: since
          profile: {country: country, birth_date: birth_date}
      - name: web
        file: web.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text, amount: decimal, pieces: integer, item: text, channel: text, seconds: decimal}
        map:
          event_id: id
          kind: type
          customer: who
          occurred_at: at
          amount: amount
          quantity: pieces
          item: item
          properties: {channel: channel, seconds: seconds}
      - name: merges
        file: merges.csv
        into: merges
        zone: UTC
        columns: {was: text, became: text, at: timestamp}
        map: {from: was, to: became, merged_at: at}
    """

  private static func catalogue() throws -> FeatureCatalogue {
    try FeatureCatalogue(
      yaml: OracleCatalogue.yaml + """

          - {name: country, profile: country}
          - {name: age, profile: age, type: integer}
        """)
  }

  /// What a step of the company's life delivers, as random rows.
  private struct Deliveries {
    var dice: Dice
    private var written: [(id: Int, who: Int, at: Instant)] = []
    private var isMerged: Set<Int> = []

    init(seed: Int) { dice = Dice(seed: seed) }

    private mutating func row(_ id: Int, _ who: Int, _ at: Instant) -> String {
      let kind = dice.pick(RandomShop.kinds)
      let money = kind == "purchase" || kind == "refund"
      let amount = money ? "\(dice.below(200)).\(10 + dice.below(90))" : ""
      let pieces = money ? "\(dice.below(5))" : ""
      let item = dice.pick(["A1", "A2", "B3"])
      let channel = dice.pick(["web", "app"])
      return
        "\(id),c\(who),\(at),\(kind),\(amount),\(pieces),\(item),\(channel),\(dice.below(300))\n"
    }

    /// New events up to `now`, most of them recent, some long past, and some old ones corrected.
    mutating func events(until now: Instant) -> String {
      var text = "id,who,at,type,amount,pieces,item,channel,seconds\n"
      for _ in 0..<70 {
        let back = dice.chance(25) ? dice.below(80 * 86_400) : dice.below(12 * 86_400)
        let at = now - .seconds(back + 1)
        let who = dice.below(9)
        text += row(written.count, who, at)
        written.append((written.count, who, at))
      }
      guard written.count > 70 else { return text }
      for _ in 0..<8 {
        // Other content, and sometimes another time or another customer.
        var old = written[dice.below(written.count - 70)]
        if dice.chance(40) { old.at = old.at - .seconds(dice.below(20 * 86_400)) }
        if dice.chance(30) { old.who = dice.below(9) }
        if text.contains("\n\(old.id),") { continue }
        text += row(old.id, old.who, old.at)
      }
      return text
    }

    mutating func customers(until now: Instant) -> String {
      var text = "who,seen,since,country,birth_date\n"
      var named: Set<Int> = []
      for _ in 0..<4 {
        // Some customers the shop has never seen an event of.
        let who = dice.below(14)
        guard named.insert(who).inserted else { continue }
        let seen = now - .seconds(dice.below(100 * 86_400) + 1)
        let since = now - .seconds(dice.below(40 * 86_400) + 1)
        let country = dice.pick(["PT", "ES", "FR", "??", ""])
        let year = 1950 + dice.below(60)
        text +=
          "c\(who),\(seen),\(since),\(country),\(year)-0\(1 + dice.below(9))-1\(dice.below(9))\n"
      }
      return text
    }

    /// One customer turns out to be another.
    mutating func merge(at now: Instant) -> String {
      let left = (0..<9).filter { !isMerged.contains($0) }
      let was = dice.pick(left)
      isMerged.insert(was)
      let became = dice.pick(left.filter { $0 != was })
      return "was,became,at\nc\(was),c\(became),\(now - .seconds(60))\n"
    }
  }

  /// The columns of a table in words, by feature.
  private static func cells(
    _ table: FeatureTable
  ) throws -> [String: [NaiveOracle.Value?]] {
    var cells: [String: [NaiveOracle.Value?]] = [
      "customers": table.index.ids.map { .text("\($0)") }
    ]
    for feature in table.catalogue.features {
      cells[feature.name] = try table.column(named: feature.name).oracleValues()
    }
    return cells
  }

  @Test("features as known after each load are those that were built then")
  func reproducesWhatWasKnown() async throws {
    let catalogue = try Self.catalogue()
    let folder = try InputsFolder()
    _ = try folder.write("project.yaml", "name: test\nzone: Europe/Lisbon\ncurrency: EUR\n")
    let sources = try SourceCatalogue.load(
      try folder.write("sources.yaml", Self.sources), environment: [:])
    let zone = sources.project.zone
    let start = try #require(Instant(rfc3339: "2024-02-20T09:30:00Z"))
    let clock = ManualClock(start)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool, clock: clock)
      try await loader.declare(sources)
      var deliveries = Deliveries(seed: 88)
      var known: [(at: Instant, asOf: Instant, cells: [String: [NaiveOracle.Value?]])] = []
      var owners: [(at: Instant, ids: [String: Int64?])] = []
      let builder = FeatureBuilder(pool: pool, zone: zone)
      func load(_ name: String, _ text: String) async throws {
        _ = try folder.write("\(name).csv", text)
        _ = try await loader.load(try sources.source(name))
      }
      let keys = (0..<15).map { "c\($0)" }
      for step in 0..<5 {
        clock.advance(by: .seconds(9 * 86_400 + 3_600))
        let now = clock.now()
        try await load("crm", deliveries.customers(until: now))
        clock.advance(by: .seconds(60))
        try await load("web", deliveries.events(until: now))
        if step > 0 {
          clock.advance(by: .seconds(60))
          try await load("merges", deliveries.merge(at: now))
        }
        try await TileStore(pool: pool, zone: zone).fold(catalogue)
        // What is recorded at the instant asked for is known, so the next load comes later.
        let at = clock.now()
        let today = zone.day(of: now)
        let dates = [zone.midnight(today - 23), zone.midnight(today), now]
        for asOf in dates {
          let table = try await builder.build(catalogue, asOf: asOf, saving: false).table
          known.append((at, asOf, try Self.cells(table)))
        }
        var ids: [String: Int64?] = [:]
        for key in keys {
          ids[key] = .some(try await FeatureBuilder.customer(withKey: key, in: pool))
        }
        owners.append((at, ids))
      }
      var changed = 0
      for (at, asOf, then) in known {
        let table = try await KnownFeatures(pool: pool, zone: zone, knownAt: at)
          .build(catalogue, asOf: asOf).table
        let again = try Self.cells(table)
        #expect(again["customers"] == then["customers"], "customers at \(asOf) known at \(at)")
        for feature in catalogue.features where again[feature.name] != then[feature.name] {
          Issue.record("\(feature.name) at \(asOf) known at \(at)")
        }
        let now = try Self.cells(
          try await builder.build(catalogue, asOf: asOf, saving: false).table)
        if now != then { changed += 1 }
        // Some customers alone have the same values.
        let some = table.index.ids.enumerated().filter { $0.offset % 3 == 1 }
        let few = try await KnownFeatures(pool: pool, zone: zone, knownAt: at)
          .build(catalogue, asOf: asOf, customers: some.map(\.element)).table
        #expect(few.index.ids == some.map(\.element))
        for feature in catalogue.features {
          let values = try few.column(named: feature.name).oracleValues()
          #expect(values == some.map { again[feature.name]?[$0.offset] ?? nil }, "\(feature.name)")
        }
      }
      // All but those of the last step came out otherwise since.
      #expect(changed >= 9)
      for (at, ids) in owners {
        for key in keys {
          let found = try await FeatureBuilder.customer(withKey: key, knownAt: at, in: pool)
          // A key that came later has its customer's number already, but nothing is known of it.
          if let was = ids[key] ?? nil { #expect(found == was, "\(key) at \(at)") }
        }
      }
    }
  }
}
