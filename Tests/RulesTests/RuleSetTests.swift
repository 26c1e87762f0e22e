import Columns
import Rules
import Testing

@Suite("Rule sets: known verdicts, faults of evaluation, sound refusals")
struct RuleSetTests {
  static let orders = ColumnTable(
    count: 4,
    columns: [
      "orders_45d": .integer(
        Dense([1, 5, 9, 0], present: Bitset(count: 4) { $0 != 3 }), scale: 0)
    ])

  @Test("a known verdict stands for its rule, which is not evaluated again")
  func known() throws {
    let catalogue = try SegmentCatalogue.parse(
      """
      segments:
        - {name: changed, rule: {all: [member_of unchanged, orders_45d < 9]}}
        - {name: unchanged, rule: LTV > 5}
      """, attributes: shop)
    #expect(catalogue.evaluationOrder == ["unchanged", "changed"])
    let verdict = Verdict(
      isTrue: Bitset(count: 4) { $0 != 0 }, isUnknown: Bitset(count: 4) { $0 == 0 })
    // The source has no column for `unchanged`.
    let evaluation = try catalogue.evaluate(Self.orders, known: ["unchanged": verdict])
    #expect(evaluation.verdicts.keys.sorted() == ["changed"])
    let changed = try #require(evaluation.verdicts["changed"])
    #expect((0..<4).map { changed[$0] } == [.unknown, .true, .false, .unknown])
    let short = Verdict(isTrue: Bitset(count: 3), isUnknown: Bitset(count: 3))
    expect("rules.row_count") {
      _ = try catalogue.evaluate(Self.orders, known: ["unchanged": short])
    }
  }

  @Test("a source that lacks a column, has another type, or another count")
  func sources() throws {
    let rule = try Rule(parsing: "orders_45d > 3", attributes: shop)
    expect("rules.column_missing") {
      _ = try rule.evaluate(ColumnTable(count: 1, columns: [:]))
    }
    expect("rules.column_type") {
      _ = try rule.evaluate(
        ColumnTable(
          count: 1, columns: ["orders_45d": .text(Dense([0]), dictionary: ["3"])]))
    }
    expect("rules.segment_missing") {
      _ = try Rule(.segment("none", isMember: true)).evaluate(Self.orders)
    }
    let joined = ColumnTable(count: 1, columns: ["joined_on": .day(Dense([0]))])
    expect("rules.moment_missing") {
      _ = try Rule(parsing: "joined_on within_last 3 days", attributes: shop).evaluate(joined)
    }
    let sticky = try SegmentCatalogue.parse(
      "segments: [{name: s, rule: {score: [{when: orders_45d > 3}, {when: orders_45d > 8}], "
        + "threshold: 2, leave_below: 1}}]", attributes: shop)
    expect("rules.prior_missing") { _ = try sticky.evaluate(Self.orders) }
    var known = Self.orders
    known.prior = PriorMembership(members: ["s": Bitset(count: 4) { $0 == 1 }])
    let stayed = try #require(try sticky.evaluate(known).verdicts["s"])
    #expect((0..<4).map { stayed[$0] } == [.false, .true, .true, .unknown])
    var explainer = Explainer(Self.orders)
    expect("rules.row") { _ = try explainer.explain(rule, row: 4) }
  }

  private func expect(_ code: String, _ body: () throws -> Void) {
    let error = #expect(throws: RuleError.self) { try body() }
    #expect(error?.code == code)
  }

  @Test("a rule of its own may not refer to segments")
  func references() {
    let error = #expect(throws: RuleErrors.self) {
      try Rule(parsing: "member_of loyal", attributes: shop)
    }
    #expect(error?.errors.map(\.code) == ["rules.reference"])
  }

  @Test("the scale of the column counts, not that of the catalogue", arguments: [0, 2, 4, 6])
  func scales(_ scale: Int) throws {
    let unit = (0..<scale).reduce(Int64(1)) { value, _ in value * 10 }
    let source = ColumnTable(
      count: 3,
      columns: ["ltv_net": .integer(Dense([2 * unit, 3 * unit, 4 * unit]), scale: scale)])
    for (text, expected) in [
      ("LTV > 3", [2]), ("LTV >= 3", [1, 2]), ("LTV < 2.5", [0]), ("LTV >= 2.5", [1, 2]),
      ("LTV = 3.00", [1]), ("LTV between 2.5 and 3.5", [1]), ("LTV in [2, 4]", [0, 2]),
      ("LTV > -1e30", [0, 1, 2]), ("LTV < 1e30", [0, 1, 2]),
    ] {
      #expect(
        try Rule(parsing: text, attributes: shop).evaluate(source).isTrue.rows == expected,
        "\(text)")
    }
  }

  @Test("what is refused as contradictory or impossible has no member")
  func refusals() {
    var refused = 0
    for seed in 0..<1_500 {
      var random = Seeded(UInt64(9_000_000 + seed))
      let attribute = random.pick(Customers.attributes.attributes).name
      let plain = PlainRule.all(
        (0..<(2 + random.below(2))).map { _ in
          let test = random.test(of: attribute)
          return random.chance(25) ? .not(test) : test
        })
      do {
        _ = try Rule(
          parsing: plain.yaml, attributes: Customers.attributes, zone: Customers.zone)
      } catch {
        refused += 1
        // One set of customers for some seeds: making them is what takes time.
        var other = Seeded(UInt64(seed / 50))
        let customers = Customers(count: 60, &other)
        #expect(
          customers.rows.allSatisfy { Naive.evaluate(plain, $0) != .true }, "\(error)")
      }
    }
    #expect(refused >= 100)
  }
}
