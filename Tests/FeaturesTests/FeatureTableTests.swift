import Columns
import Schedules
import Testing

@testable import Features

struct FeatureTableTests {
  private let catalogue = Result {
    try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: revenue, sum: purchase.amount, window: lifetime}
          - {name: net, sum: purchase.amount, minus: refund.amount, window: lifetime}
          - {name: country, profile: country}
          - {name: churn_score, score: churn}
        """)
  }
  private let day = Day(number: 20_000)

  private func sweep(_ rows: [(Int64, [Int64])]) throws -> FeatureState {
    let catalogue = try catalogue.get()
    var sweep = Sweep(building: catalogue.slots, index: IDIndex([]), to: day)
    var batch = TileBatch(measures: catalogue.measures)
    for (customer, values) in rows { batch.append(customer: customer, day: day, values: values) }
    try sweep.apply(batch)
    return sweep.finish()
  }

  private func table(_ state: FeatureState) throws -> FeatureTable {
    FeatureTable(
      catalogue: try catalogue.get(), asOf: Zone.utc.midnight(day + 1), zone: .utc, state: state,
      population: IDIndex([1, 2, 9]))
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? FeatureError)?.code }
  }

  @Test func overflowIsAnError() throws {
    #expect(code { _ = try sweep([(1, [.max, 0]), (1, [1, 0])]) } == "features.overflow")
    let state = try sweep([(1, [.max, -5])])
    #expect(code { _ = try table(state).column(named: "net") } == "features.overflow")
    #expect(
      try table(state).column(named: "revenue") == .integer(Dense([.max, 0, 0]), scale: 4))
  }

  /// Sixty-four features upon each other, each of which names the one below three times: computed
  /// along every way there would be 3^63 of them.
  @Test func featuresUponEachOtherAreComputedOnce() throws {
    let chain = (2...64).map {
      "  - {name: f\($0), formula: f\($0 - 1) + f\($0 - 1) - f\($0 - 1)}\n"
    }
    let catalogue = try FeatureCatalogue(
      yaml: "version: 1\nfeatures:\n  - {name: f1, sum: purchase.amount, window: lifetime}\n"
        + chain.joined())
    let table = FeatureTable(
      catalogue: catalogue, asOf: Zone.utc.midnight(day + 1), zone: .utc,
      state: try sweep([(1, [70_000, 0]), (2, [5, 0])]), population: IDIndex([9]))
    #expect(
      try table.column(named: "f64") == .integer(Dense([70_000, 5, 0]), scale: 4))
  }

  /// What has no value has none, and is no error: division by zero, 0 / 0, a missing operand.
  @Test func divisionByZeroIsNull() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: revenue, sum: purchase.amount, window: lifetime}
          - {name: nothing, formula: revenue - revenue}
          - {name: ratio, ratio: revenue, to: nothing}
          - {name: quotient, formula: revenue / nothing}
          - {name: nested, formula: "1 + revenue / (revenue / nothing)"}
          - {name: last, formula: "coalesce(revenue / nothing, -1)"}
        """)
    let table = FeatureTable(
      catalogue: catalogue, asOf: Zone.utc.midnight(day + 1), zone: .utc,
      state: try sweep([(1, [70_000, 0])]), population: IDIndex([2]))
    for name in ["ratio", "quotient", "nested"] {
      guard case .real(let values) = try table.column(named: name) else {
        Issue.record("\(name) is not real")
        continue
      }
      #expect(values[0] == nil && values[1] == nil, "\(name)")
    }
    #expect(try table.column(named: "last") == .real(Dense([-1, -1])))
  }

  /// Amounts are divided as whole numbers of their unit: as doubles, 525.60 / 350.40 is more than 1.5.
  @Test func quotientsAreTheNearestToTheExactOnes() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: revenue, sum: purchase.amount, window: lifetime}
          - {name: refunds, sum: refund.amount, window: lifetime}
          - {name: ratio, ratio: revenue, to: refunds}
          - {name: quotient, formula: revenue / refunds}
          - {name: widened, formula: 876 / (revenue + refunds)}
          - {name: narrowed, formula: (revenue + refunds) / 876}
        """)
    let table = FeatureTable(
      catalogue: catalogue, asOf: Zone.utc.midnight(day + 1), zone: .utc,
      state: try sweep([(1, [5_256_000, 3_504_000])]), population: IDIndex([]))
    #expect(525.6 / 350.4 > 1.5)
    for name in ["ratio", "quotient"] {
      #expect(try table.column(named: name) == .real(Dense([1.5])), "\(name)")
    }
    for name in ["widened", "narrowed"] {
      #expect(try table.column(named: name) == .real(Dense([1])), "\(name)")
    }
    for (name, scaled) in [("ratio", "* 10000.0"), ("quotient", "* 10000.0")] {
      let sql = try FeatureSQL.text(of: name, in: catalogue, asOf: Instant(seconds: 0), zone: .utc)
      #expect(sql.contains(scaled), "\(name)")
    }
  }

  @Test(arguments: ["revenue + revenue", "revenue * 3", "0 - (0 - revenue) * 2"])
  func overflowOfAFormulaIsAnError(_ formula: String) throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: revenue, sum: purchase.amount, window: lifetime}
          - {name: much, formula: \(formula)}
        """)
    let table = FeatureTable(
      catalogue: catalogue, asOf: Zone.utc.midnight(day + 1), zone: .utc,
      state: try sweep([(1, [.max - 1, 0])]), population: IDIndex([]))
    #expect(code { _ = try table.column(named: "much") } == "features.overflow")
  }

  @Test func columnsCoverTheWholePopulation() throws {
    var table = try table(try sweep([(5, [70_000, 10_000]), (2, [5, 0])]))
    #expect(table.index.ids == [1, 2, 5, 9] && table.day == day)
    #expect(try table.column(named: "net") == .integer(Dense([0, 5, 60_000, 0]), scale: 4))
    #expect(code { _ = try table.column(named: "country") } == "features.not_supplied")
    let text = Column.text(Dense([0, 0, 1, 1]), dictionary: ["PT", "ES"])
    try table.supply(text, for: "country")
    #expect(try table.column(named: "country") == text)
    #expect(code { try table.supply(text, for: "churn_score") } == "features.column_mismatch")
    #expect(code { try table.supply(text, for: "net") } == "features.not_external")
    #expect(code { _ = try table.column(named: "nett") } == "features.unknown_feature")
  }

  @Test func aStateWithoutTheSlotSaysSo() throws {
    let bare = try table(FeatureState(slots: [], index: IDIndex([1])))
    #expect(code { _ = try bare.column(named: "net") } == "features.not_built")
  }

  @Test func statesOnlyMoveForward() throws {
    let state = try sweep([(1, [1, 1])])
    let slots = try catalogue.get().slots
    #expect(
      code { _ = try Sweep(advancing: state, slots: slots, to: day - 1) } == "features.not_later")
    let same = try Sweep(advancing: state, slots: slots, to: day)
    #expect(same.reads.isEmpty && same.finish() == state)
  }

  /// A nightly step reads the day that entered and, of each window, the day that left.
  @Test func aStepReadsOnlyTheDaysThatMove() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: a, count: purchase, window: 30 days}
          - {name: b, sum: purchase.amount, window: lifetime}
          - {name: c, count: page_view, window: 7 days}
          - {name: d, recency: purchase}
        """)
    let build = Sweep(building: catalogue.slots, index: IDIndex([1]), to: day)
    #expect(
      build.reads.map { "\($0.days.last.distance(to: day)) \($0.measures.map(\.columnName))" } == [
        #"7 ["purchase_amount", "purchase_count"]"#,
        #"0 ["page_view_count", "purchase_amount", "purchase_count"]"#,
      ])
    let step = try Sweep(advancing: build.finish(), slots: catalogue.slots, to: day + 1)
    #expect(
      step.reads.map { "\($0.days.first.distance(to: day + 1)) \($0.measures.map(\.columnName))" }
        == [
          #"30 ["purchase_count"]"#, #"7 ["page_view_count"]"#,
          #"0 ["page_view_count", "purchase_amount", "purchase_count"]"#,
        ])
    #expect(step.reads.allSatisfy { $0.days.first == $0.days.last })
  }
}
