import Columns
import Features
import Learning
import Models
import Schedules
import TestSupport
import Testing

/// Purchases of customers who stop at some day, held in memory.
struct SmallShop {
  static let catalogue = """
    version: 1
    features:
      - {name: orders_20d, count: purchase, window: 20 days}
      - {name: orders_60d, count: purchase, window: 60 days}
      - {name: days_since_order, recency: purchase}
    """
  static let models = """
    version: 1
    models:
      - name: churn
        learner: gradient_boosting
        population: "orders_60d >= 1"
        label: "orders_20d = 0"
        horizon: 20 days
        cuts: 5
        every: 10 days
        features: [days_since_order, orders_60d, orders_20d]
        parameters: {rounds: 50, eta: 0.2, max_depth: 3}
    """

  let features: FeatureCatalogue
  let model: CheckedModel
  var purchases: [(customer: Int64, day: Day)] = []
  let customers: Int
  static let firstDay = Day(number: 19_800)
  static let lastDay = Day(number: 19_999)

  init(customers: Int, seed: UInt64, models: String = SmallShop.models) throws {
    features = try FeatureCatalogue(yaml: Self.catalogue)
    model = try ModelCatalogue(yaml: models, features: features).resolve("churn")
    self.customers = customers
    var random = SplitMix64(seed: seed)
    for customer in 1...Int64(customers) {
      let rate = Double.random(in: 0.05...0.3, using: &random)
      let stops = Int32.random(in: 19_850...20_100, using: &random)
      for day in Self.firstDay.number...Self.lastDay.number
      where day < stops && Double.random(in: 0..<1, using: &random) < rate {
        purchases.append((customer, Day(number: day)))
      }
    }
  }

  var plan: CutPlan {
    get throws {
      try CutPlan(
        count: model.definition.cuts, everyDays: model.definition.everyDays,
        horizonDays: model.definition.horizonDays, firstDay: Self.firstDay, lastDay: Self.lastDay)
    }
  }

  func table(_ day: Day) throws -> FeatureTable {
    let index = IDIndex(sorted: Array(1...Int64(customers)))
    var sweep = Sweep(building: features.slots, index: index, to: day)
    var batch = TileBatch(measures: features.measures)
    for purchase in purchases {
      batch.append(
        customer: purchase.customer, day: purchase.day, values: features.measures.map { _ in 1 })
    }
    try sweep.apply(batch)
    return FeatureTable(
      catalogue: features, asOf: LocalDays(zone: .utc).end(of: day), zone: .utc,
      state: sweep.finish(), population: index)
  }

  func trainingSet() throws -> TrainingSet {
    let plan = try plan
    var builder = TrainingSetBuilder(model, plan: plan)
    for day in plan.days { try builder.take(table(day)) }
    return try builder.finish()
  }
}

@Suite("Training set")
struct TrainingSetTests {
  @Test("rows, features and labels equal those counted one by one from the events")
  func oracle() throws {
    let shop = try SmallShop(customers: 300, seed: 5)
    let set = try shop.trainingSet()
    let plan = try shop.plan
    let days = Dictionary(grouping: shop.purchases, by: \.customer).mapValues { $0.map(\.day) }
    func orders(_ customer: Int64, _ range: ClosedRange<Day>) -> Int {
      days[customer, default: []].filter { range.contains($0) }.count
    }
    #expect(plan.cuts.map(\.part) == [.train, .train, .train, .validation, .test])
    var parts: [CutPlan.Part: (rows: [[Float]], labels: [Bool])] = [:]
    for cut in plan.cuts {
      var counts = CutRowsCount()
      for customer in 1...Int64(shop.customers) {
        let past = SmallShop.firstDay...cut.day
        guard orders(customer, cut.day - 59...cut.day) >= 1,
          let last = days[customer]?.filter({ past.contains($0) }).max()
        else { continue }
        let row = [
          Float(last.distance(to: cut.day)), Float(orders(customer, cut.day - 59...cut.day)),
          Float(orders(customer, cut.day - 19...cut.day)),
        ]
        let churned = orders(customer, cut.day + 1...cut.day + 20) == 0
        parts[cut.part, default: ([], [])].rows.append(row)
        parts[cut.part]?.labels.append(churned)
        counts.rows += 1
        counts.positives += churned ? 1 : 0
      }
      let found = try #require(set.cuts.first { $0.day == cut.day })
      #expect(found.rows == counts.rows && found.positives == counts.positives)
      #expect(counts.positives > 0 && counts.positives < counts.rows)
    }
    for (part, data) in [
      (CutPlan.Part.train, set.train), (.validation, set.validation),
      (.test, set.test),
    ] {
      let expected = try #require(parts[part])
      #expect(data.matrix.values == expected.rows.flatMap { $0 })
      #expect((0..<data.labels.count).map { data.labels[$0] } == expected.labels)
      #expect(data.matrix.featureNames == ["days_since_order", "orders_60d", "orders_20d"])
    }
    #expect(set.testCustomers.count == set.test.matrix.rowCount)
    #expect(set.testDay == plan.cuts.last?.day)
  }

  private struct CutRowsCount {
    var rows = 0
    var positives = 0
  }

  @Test("what happens after a cut changes its labels and never its features")
  func noLeakage() throws {
    let shop = try SmallShop(customers: 300, seed: 6)
    let set = try shop.trainingSet()
    let test = try #require(set.testDay)
    var changed = shop
    changed.purchases.removeAll { $0.day > test }
    for customer in stride(from: Int64(1), through: 300, by: 2) {
      changed.purchases.append((customer, test + 1))
    }
    let other = try changed.trainingSet()
    #expect(other.test.matrix == set.test.matrix)
    #expect(other.test.labels != set.test.labels)
    // Training labels end by the test cut, so training is the same to the last bit.
    #expect(other.train == set.train)
    for (row, customer) in other.testCustomers.enumerated() {
      #expect(other.test.labels[row] == (customer % 2 == 0))
    }
  }

  @Test("too few customers, one label only: what to do is said")
  func lack() throws {
    let few = #expect(throws: ModelError.self) {
      try SmallShop(customers: 150, seed: 7).trainingSet()
    }
    #expect(few?.code == "models.not_enough_rows" && few?.isLackOfData == true)
    #expect(few?.message.contains("200 validation rows") == true)
    var all = try SmallShop(customers: 300, seed: 8)
    for customer in 1...Int64(300) {
      for day in 0..<200 where day % 10 == 0 {
        all.purchases.append((customer, SmallShop.firstDay + day))
      }
    }
    let shop = all
    let one = #expect(throws: ModelError.self) { try shop.trainingSet() }
    #expect(one?.code == "models.one_class" && one?.isLackOfData == true)
    #expect(one?.message.contains("found 0 of 900 true") == true)
    #expect(one?.hint?.contains("orders_20d = 0") == true)
  }

  @Test("a table that never came is an error, days that nobody asked for are passed over")
  func missingDay() throws {
    let shop = try SmallShop(customers: 300, seed: 9)
    let plan = try shop.plan
    var builder = TrainingSetBuilder(shop.model, plan: plan)
    for day in plan.days.dropLast() { try builder.take(shop.table(day)) }
    try builder.take(shop.table(SmallShop.firstDay + 3))
    let partial = builder
    let error = #expect(throws: ModelError.self) { try partial.finish() }
    #expect(error?.code == "models.missing_day")
  }
}
