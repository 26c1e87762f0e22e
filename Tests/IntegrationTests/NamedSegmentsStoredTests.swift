import Columns
import FeatureStore
import Features
import Inputs
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// What named segments need of the database: ages on the day asked for, and promotions published.
@Suite struct NamedSegmentsStoredTests {
  @Test("C15: from the 25th birthday to the day before the 35th, in a town")
  func young() async throws {
    let shop = try NamedSegmentsShop()
    let rule = try #require(shop.segments.segment(named: "young_urban")).rule
    let sources = try SourceCatalogue.load(
      DemoShop.project.appendingPathComponent("sources.yaml").path,
      environment: ["STRATA_HOME": "/nowhere"])
    let last = try #require(Day(year: 2025, month: 3, day: 9))
    let asOf = shop.zone.midnight(last + 1)
    func born(_ age: Int, _ days: Int) -> String { "\(last.adding(months: -12 * age) + days)" }
    let people: [(born: String?, urban: String, isMember: Bool)] = [
      (born(25, 0), "true", true), (born(25, 1), "true", false), (born(25, -1), "true", true),
      (born(35, 0), "true", false), (born(35, 1), "true", true), (born(35, -1), "true", false),
      (born(30, 0), "false", false), (nil, "true", false), (born(30, 0), "true", true),
    ]
    try await withFreshDatabase { pool in
      try await Loader(pool: pool).declare(sources)
      for (number, person) in people.enumerated() {
        let id = Int64(number + 1)
        let birthday = person.born.map { ", \"birth_date\": \"\($0)\"" } ?? ""
        try await pool.execute(
          """
          INSERT INTO facts.customers (customer_id, customer_key) VALUES (\(id), \("C\(id)"))
          """)
        try await pool.execute(
          """
          INSERT INTO facts.customer_profile
            (customer_id, valid_from, valid_to, recorded_from, attributes)
          VALUES (\(id), '-infinity', 'infinity', '2024-01-01Z',
            \(JSONText("{\"urban\": \(person.urban)\(birthday)}")))
          """)
      }
      let features = try shop.features.restricted(to: rule.attributes.map(\.name))
      let table = try await FeatureBuilder(pool: pool, zone: shop.zone).build(
        features, asOf: asOf
      ).table
      let members = try rule.evaluate(FeatureColumns(table)).isTrue
      #expect(members.rows.map { table.index.ids[$0] } == [1, 3, 5, 9])
      #expect(people.indices.filter { people[$0].isMember }.map { Int64($0 + 1) } == [1, 3, 5, 9])
    }
  }

  @Test("C17: the promotion stands in the catalogue that analysts read, and goes with its line")
  func promotion() async throws {
    #expect(
      try NamedSegmentsShop().segments.segment(named: "loyal_kitchen")?.promotion == "kitchen_10")
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      for (day, promotion) in [(1, "kitchen_10"), (2, nil)] as [(Int, String?)] {
        let definition = SegmentDefinition(
          name: "loyal_kitchen", title: "Loyal", rule: "rule v1", ruleVersion: "v1",
          promotion: promotion)
        try await project.publish(
          SegmentsProject.evaluation(
            SegmentsProject.day(day), customers: [1, 2, 3], [(definition, [1, 2])]))
        let row = try await pool.first("SELECT promotion FROM segments.catalog")
        #expect(try row?.get("promotion", as: String?.self) == promotion)
        #expect(try await project.reader.show("loyal_kitchen").promotion == promotion)
      }
    }
  }
}
