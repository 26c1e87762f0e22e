import FeatureOracle
import FeatureStore
import Features
import Rules
import Schedules
import TestSupport
import Testing
import Warehouse

/// Conditions over events in SQL, through the SQL of their hidden features, against the engine.
@Suite struct EventRulesSQLTests {
  @Test(arguments: 0..<3)
  func sqlEqualsTheEngine(_ seed: Int) async throws {
    let shop = try RandomShop(seed: 9900 + seed, events: 200, customers: 9)
    var dice = Dice(seed: seed)
    let declared = try FeatureCatalogue(
      yaml: "version: 1\nfeatures: [{name: orders, count: purchase, window: 30 days}]")
    let attributes = FeatureAttributes(declared)
    var rules = try (0..<14).map { _ in
      try Rule(parsing: EventRule.random(&dice).text, attributes: attributes)
    }
    rules.append(
      try Rule(
        parsing: "{any: [{not: did purchase in 40 days}, orders > 1, did_not refund]}",
        attributes: attributes))
    rules.append(
      try Rule(
        parsing: "did purchase (item = 'x''); DROP TABLE facts.events; --' or properties.a = '$1') "
          + "< 3 same \"properties.it's \"\"%\"\"\" in 40 days",
        attributes: attributes))
    let catalogue = declared.answering(rules.flatMap { $0.attributes.compactMap(\.question) })
    let days = LocalDays(zone: shop.zone)
    let asOf = days.end(of: shop.first + 90) + .microseconds(1 + dice.below(80_000_000_000))
    let events = shop.known(through: shop.first + 4000)
    let loaded = catalogue
    let checked = rules
    try await withFreshDatabase { pool in
      try await FeaturesShop(pool: pool, shop: shop).load(events)
      let known = Set(events.filter { $0.at < asOf }.map(\.customer)).sorted()
      let table = try MemoryEngine(loaded, zone: shop.zone).table(
        events, asOf: asOf, population: known)
      for rule in checked {
        let relation = try FeatureSQL.relation(
          of: rule.attributes.map(\.name), in: loaded, asOf: asOf, zone: shop.zone,
          quote: RuleSQL.identifier)
        let text = "WITH \(relation)\n" + RuleSQL(relation: "features").select(rule)
        let rows = try await pool.query(SQL(unsafeText: text))
        let found = try rows.map { try $0.get("customer_id", as: Int64.self) }
        let members = try rule.evaluate(FeatureColumns(table)).isTrue
        #expect(found == members.rows.map { table.index.ids[$0] }, "\(rule)")
      }
    }
  }
}
