import Columns
import Rules
import Testing

@Suite("Top and bottom: the tie law")
struct PercentileTests {
  static func members(_ text: String, _ values: [Int64?]) throws -> (Verdict, PercentileCut?) {
    let column = Column.integer(
      Dense(values.map { $0 ?? 99 }, present: Bitset(count: values.count) { values[$0] != nil }),
      scale: 0)
    let rule = try Rule(parsing: text, attributes: shop)
    let source = ColumnTable(count: values.count, columns: ["orders_45d": column])
    let evaluation = try RuleSet([("r", rule)]).evaluate(source)
    return (try #require(evaluation.verdicts["r"]), evaluation.cuts.first)
  }

  @Test(
    "the cut is at rank ceil(N n / 100); ties are all in",
    arguments: [
      ("top 20%", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [8, 9]),
      ("top 21%", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [7, 8, 9]),
      ("top 10%", [1, 9, 9, 9], [1, 2, 3]),
      ("top 20%", [0, 0, 0, 0, 0, 0, 0, 0, 0, 5], [9]),
      ("top 20%", [0, 0, 0, 0, 0], []),
      ("top 100%", [1, 2, 3], [1, 2]),
      ("bottom 20%", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [0, 1]),
      ("bottom 50%", [3, 3, 3, 1], [3]),
      ("top 2", [5, 1, 4, 4], [0, 2, 3]),
      ("top 9", [5, 1, 4, 4], [0, 1, 2, 3]),
      ("top 3", [5, 0, 0, 0], [0]),
      ("top 0.1%", [1, 2], [1]),
    ] as [(String, [Int64], [Int])])
  func law(_ words: String, _ values: [Int64], _ expected: [Int]) throws {
    let (verdict, _) = try Self.members("orders_45d \(words)", values)
    #expect(verdict.isTrue.rows == expected)
  }

  @Test("null is unknown and does not count; the report says where the cut fell")
  func nulls() throws {
    let (verdict, cut) = try Self.members("orders_45d top 50%", [nil, 0, nil, 0, 7, 0])
    #expect(verdict.isTrue.rows == [4])
    #expect(verdict.isUnknown.rows == [0, 2])
    #expect(cut?.condition == "orders_45d top 50%")
    #expect(cut?.cut == "0")
    #expect(cut?.population == 4)
    #expect(cut?.members == 1)
    #expect(cut?.isDegenerate == true)
    let (none, _) = try Self.members("orders_45d top 50%", [nil, nil])
    #expect(none.isUnknown.rows == [0, 1])
  }

  @Test("a naive count over random values")
  func oracle() throws {
    for seed in 0..<300 {
      var random = Seeded(UInt64(seed))
      let values = (0..<(1 + random.below(40))).map { _ -> Int64? in
        random.chance(20) ? nil : Int64(random.below(6))
      }
      let share = 1 + random.below(100)
      let isTop = random.chance(50)
      let (verdict, _) = try Self.members(
        "orders_45d \(isTop ? "top" : "bottom") \(share)%", values)
      let present = values.compactMap { $0 }
      let rank = (share * present.count + 99) / 100
      let sorted = isTop ? present.sorted(by: >) : present.sorted()
      for (row, value) in values.enumerated() {
        guard let value, let last = sorted.last else {
          #expect(verdict[row] == .unknown)
          continue
        }
        let cut = sorted[rank - 1]
        let beyond = isTop ? value > cut : value < cut
        let expected = beyond || (value == cut && cut != last)
        #expect(verdict[row] == (expected ? .true : .false), "seed \(seed), row \(row)")
      }
    }
  }
}

@Suite("Top and bottom among some")
struct PopulationTests {
  @Test("the cut is that of the population, and who is outside is no member")
  func among() throws {
    var counts: [Operator: [Truth: Int]] = [:]
    for seed in 0..<200 {
      var random = Seeded(UInt64(8_000_000 + seed))
      let count = 1 + random.below(40)
      let values = (0..<count).map { _ in random.chance(15) ? nil : Int64(random.below(6)) }
      let inside: [Bool?] = (0..<count).map { _ in
        random.chance(15) ? nil : random.chance(60)
      }
      let source = ColumnTable(
        count: count,
        columns: [
          "orders_45d": .integer(
            Dense(values.map { $0 ?? 9 }, present: Bitset(count: count) { values[$0] != nil }),
            scale: 0),
          "newsletter": .boolean(
            Dense(inside.map { $0 ?? true }, present: Bitset(count: count) { inside[$0] != nil })),
        ])
      let isTop = random.chance(50)
      let isCount = random.chance(40)
      let share = 1 + random.below(isCount ? 12 : 100)
      let rule = try Rule(
        parsing: "orders_45d \(isTop ? "top" : "bottom") \(share)\(isCount ? "" : "%") "
          + "where newsletter = true", attributes: shop)
      let verdict = try rule.evaluate(source)
      let among = (0..<count).compactMap { inside[$0] == true ? values[$0] : nil }
      let sorted = isTop ? among.sorted(by: >) : among.sorted()
      let rank = isCount ? min(share, sorted.count) : (share * sorted.count + 99) / 100
      for row in 0..<count {
        var selected: Truth = .unknown
        if let value = values[row] {
          selected = .false
          if let cut = rank > 0 ? sorted[rank - 1] : nil, let last = sorted.last {
            let isWhole = isCount && rank == sorted.count
            let beyond = isTop ? value > cut : value < cut
            if beyond || (value == cut && (cut != last || isWhole)) { selected = .true }
          }
        }
        let place: Truth = inside[row].map { $0 ? .true : .false } ?? .unknown
        let expected: Truth =
          selected == .false || place == .false
          ? .false : selected == .unknown || place == .unknown ? .unknown : .true
        #expect(verdict[row] == expected, "seed \(seed), row \(row): \(rule)")
        let op: Operator =
          isCount ? (isTop ? .topCount : .bottomCount) : isTop ? .topPercent : .bottomPercent
        counts[op, default: [:]][expected, default: 0] += 1
      }
    }
    for op in [Operator.topPercent, .bottomPercent, .topCount, .bottomCount] {
      for truth in Truth.allCases {
        #expect(counts[op]?[truth] ?? 0 >= 100, "\(op) \(truth): \(counts[op] ?? [:])")
      }
    }
  }

  @Test("ranges of customers are cut where everyone is")
  func ranges() throws {
    var random = Seeded(77)
    let customers = Customers(count: 1_000, &random)
    let rules = RuleSet([
      (
        "r",
        try Rule(
          parsing: "recency top 25% where orders > 2", attributes: Customers.attributes)
      )
    ])
    #expect(rules.percentileAttributes.map(\.name) == ["orders", "recency"])
    let whole = try rules.evaluate(customers.table)
    let cuts = try rules.cuts(customers.table)
    let again = try rules.evaluate(customers.table, cuts: cuts)
    #expect(again.verdicts == whole.verdicts)
    #expect(cuts.reports.map(\.condition) == ["recency top 25% where orders > 2"])
  }
}
