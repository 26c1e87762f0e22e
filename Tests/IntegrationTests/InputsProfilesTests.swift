import Columns
import FeatureStore
import Features
import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

private let catalogueText = """
  version: 1
  profile:
    country: {accepted: [PT, ES, FR], fallback: unknown}
    birth_date: {}
    age: {from: birth_date, derive: age, min: 0, max: 120}
    age_band: {from: age, derive: band, bands: [18, 25, 35, 65], fallback: unknown}
    region: {from: country, derive: lookup, values: {PT: south, ES: south, FR: west}, fallback: elsewhere}
  sources:
    - name: crm
      file: crm.csv
      zone: UTC
      into: customers
      columns: {who: text, since: timestamp, country: text, income: text, birth_date: text}
      map:
        customer: who
        valid_from: since
        profile: {country: country, income: income, birth_date: birth_date}
    - name: shop
      file: shop.csv
      zone: UTC
      into: customers
      columns: {who: text, since: timestamp, country: text, income: text}
      map: {customer: who, valid_from: since, profile: {country: country, income: income}}
    - name: web
      file: web.csv
      zone: UTC
      columns: {id: text, who: text, at: timestamp, type: text, country: text}
      map: {event_id: id, kind: type, customer: who, occurred_at: at, profile: {country: country}}
  """

/// One thing that was said of a customer.
private struct Said {
  var who: String
  var at: Instant
  var recorded: Int
  var source: String
  var attributes: [String: String]
}

/// What holds just before an instant, from nothing but the statements known by then.
private func believed(
  _ said: [Said], of who: String, before asOf: Instant, known: Int
) -> [String: String?] {
  var result: [String: String?] = [:]
  let mine = said.filter { $0.who == who && $0.at < asOf && $0.recorded <= known }
  for moment in Set(mine.map(\.at)).sorted() {
    var bySource: [String: [String: String]] = [:]
    for one in mine.filter({ $0.at == moment }).sorted(by: { $0.recorded < $1.recorded }) {
      bySource[one.source, default: [:]].merge(one.attributes) { _, new in new }
    }
    for name in Set(bySource.values.flatMap(\.keys)) {
      let values = Set(bySource.values.compactMap { $0[name] })
      result[name] = .some(values.count == 1 ? values.first : nil)
    }
  }
  return result
}

private func day(_ number: Int, hour: Int = 0) -> Instant {
  Instant(seconds: 1_704_067_200 + Int64(number) * 86_400 + Int64(hour) * 3600)
}

@Suite("Inputs: profiles over time")
struct InputsProfilesTests {
  private func sources(_ folder: InputsFolder) throws -> SourceCatalogue {
    _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
    return try SourceCatalogue.load(
      try folder.write("sources.yaml", catalogueText), environment: [:])
  }

  /// Random statements of three sources, late ones and contradictions among them.
  @Test func whatIsBelievedAgreesWithTheStatementsThemselves() async throws {
    var random = SplitMix64(seed: 17)
    let folder = try InputsFolder()
    let catalogue = try sources(folder)
    // After everything that is said: nothing holds from a day to come.
    let clock = ManualClock(day(20))
    var all: [[Said]] = []
    for round in 1...7 {
      let source = ["crm", "shop", "web"][round % 3]
      var rows: [Said] = []
      var taken: Set<String> = []
      for _ in 0..<25 {
        let who = "c\(Int.random(in: 0..<6, using: &random))"
        let at = Int.random(in: 0..<10, using: &random)
        guard taken.insert("\(who) \(at)").inserted else { continue }
        var attributes: [String: String] = [:]
        attributes["country"] = ["PT", "ES", "FR"].randomElement(using: &random)
        if source != "web", Bool.random(using: &random) {
          attributes["income"] = ["low", "high"].randomElement(using: &random)
          if Bool.random(using: &random) { attributes["country"] = nil }
        }
        rows.append(
          Said(who: who, at: day(at), recorded: round, source: source, attributes: attributes))
      }
      all.append(rows)
    }
    let rounds = all
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool, clock: clock)
      for (index, rows) in rounds.enumerated() {
        clock.advance(by: .seconds(86_400))
        guard let name = rows.first?.source else { continue }
        let isWeb = name == "web"
        let lines = rows.enumerated().map { line, said in
          let country = said.attributes["country"] ?? ""
          let income = said.attributes["income"] ?? ""
          return isWeb
            ? "\(index)-\(line),\(said.who),\(said.at),profile_update,\(country)"
            : "\(said.who),\(said.at),\(country),\(income)" + (name == "crm" ? "," : "")
        }
        let header =
          isWeb
          ? "id,who,at,type,country"
          : "who,since,country,income" + (name == "crm" ? ",birth_date" : "")
        let path = try folder.write(
          "round\(index).csv", ([header] + lines).joined(separator: "\n") + "\n")
        _ = try await loader.load(catalogue.source(name).reading(file: path))
      }
      let said = rounds.flatMap { $0 }
      var compared = 0
      var contradictions = 0
      for known in 1...7 {
        let then = day(20 + known, hour: 1)
        for moment in 0...11 {
          let asOf = day(moment)
          let rows = try await pool.query(
            """
            SELECT c.customer_key, p.attributes ->> 'country' AS country,
              p.attributes ->> 'income' AS income
            FROM facts.customers AS c
            LEFT JOIN facts.customer_profile AS p ON p.customer_id = c.customer_id
              AND p.valid_from < \(asOf) AND p.valid_to >= \(asOf)
              AND p.recorded_from <= \(then) AND \(then) < p.recorded_to
            """)
          for row in rows {
            let who: String = try row.get("customer_key")
            let expected = believed(said, of: who, before: asOf, known: known)
            for name in ["country", "income"] {
              let wanted = expected[name] ?? nil
              #expect(
                try row.get(name, as: String?.self) == wanted, "\(name) of \(who) at \(asOf)")
              compared += 1
              if expected[name] != nil, wanted == nil { contradictions += 1 }
            }
          }
        }
      }
      #expect(compared > 900)
      #expect(contradictions > 20)
      // Spans of current belief do not overlap, and have no gap.
      let overlaps = try await pool.first(
        """
        SELECT count(*) AS n FROM (
          SELECT valid_to IS DISTINCT FROM lead(valid_from, 1, 'infinity') OVER (
            PARTITION BY customer_id ORDER BY valid_from) AS broken
          FROM facts.customer_profile WHERE recorded_to = 'infinity') AS spans
        WHERE broken
        """)
      #expect(try overlaps?.get("n", as: Int64.self) == 0)
    }
  }

  @Test func ageAndRegionAreThoseOfTheDayAsked() async throws {
    let folder = try InputsFolder()
    let catalogue = try sources(folder)
    let features = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: age, profile: age, type: integer}
          - {name: band, profile: age_band, type: text}
          - {name: region, profile: region, type: text}
          - {name: income, profile: income, type: text}
          - {name: logins_7d, count: login, window: 7 days}
        """)
    _ = try folder.write(
      "crm.csv",
      """
      who,since,country,income,birth_date
      leap,2020-01-01,PT,low,2000-02-29
      born,2020-01-01,FR,,1989-03-01
      future,2020-01-01,ES,high,2030-01-01
      odd,2020-01-01,XX,high,not a date
      mover,2020-01-01,PT,low,1958-07-01
      mover,2023-02-28 12:00,FR,,
      bare,,,,

      """)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try await loader.declare(catalogue)
      let report = try await loader.load(catalogue.source("crm"))
      #expect(report.rowsAccepted == 7)
      try await TileStore(pool: pool, zone: .utc).fold(features)
      let keys = try await pool.query(
        "SELECT customer_id, customer_key FROM facts.customers ORDER BY customer_id")
      func values(_ date: String) async throws -> [String: [String]] {
        let asOf = try #require(Instant(rfc3339: date + "T00:00:00Z"))
        let table = try await FeatureBuilder(pool: pool, zone: .utc).build(
          features, asOf: asOf, saving: false
        ).table
        var values: [String: [String]] = [:]
        for row in keys {
          let place = try #require(table.row(of: try row.get("customer_id")))
          values[try row.get("customer_key")] = try ["age", "band", "region", "income"].map {
            name in
            switch try table.column(named: name) {
            case .integer(let numbers, _): numbers[place].map { String($0) } ?? "-"
            case .text(let codes, let names): codes[place].map { names[Int($0)] } ?? "-"
            default: "?"
            }
          }
        }
        return values
      }
      // At the midnight that begins 1 March 2023 the last day is 28 February.
      let march = try await values("2023-03-01")
      #expect(march["leap"] == ["22", "18-24", "south", "low"])
      #expect(march["born"] == ["33", "25-34", "west", "-"])
      #expect(march["future"] == ["-", "unknown", "south", "high"])
      #expect(march["odd"] == ["-", "unknown", "elsewhere", "high"])
      #expect(march["mover"] == ["64", "35-64", "west", "low"])
      #expect(march["bare"] == ["-", "unknown", "elsewhere", "-"])
      let later = try await values("2023-03-02")
      #expect(later["leap"]?[0] == "23")
      #expect(later["born"]?[0] == "34")
      // A day earlier the mover had not moved; years earlier everyone was younger.
      #expect(try await values("2023-02-28")["mover"]?[2] == "south")
      #expect(try await values("2020-01-02")["leap"] == ["19", "18-24", "south", "low"])
      #expect(try await values("2020-01-01")["leap"] == ["-", "unknown", "elsewhere", "-"])
      #expect(try await values("2025-03-01")["born"]?[1] == "35-64")
    }
  }
}
