import Foundation
import TestSupport
import Testing

@testable import Warehouse

@Suite("Customer ranges")
struct CustomerRangeTests {
  /// Shards as Citus makes them: equal buckets, the last one longer by the remainder.
  static func shards(_ count: Int) -> [CustomerRange.Bucket] {
    let step = (Int64(1) << 32) / Int64(count)
    return (0..<count).map { place in
      let low = Int64(Int32.min) + step * Int64(place)
      let high = place == count - 1 ? Int64(Int32.max) : low + step - 1
      return CustomerRange.Bucket(low: Int32(low), high: Int32(high))
    }
  }

  static func holders(of customer: Int64, in ranges: [CustomerRange]) -> [Int] {
    ranges.filter { $0.contains(customer) }.map(\.number)
  }

  @Test("spans of ids: every customer is in exactly one range, also those who arrive later")
  func spans() throws {
    var random = SplitMix64(seed: 7)
    var cut = 0
    for _ in 0..<400 {
      let first = Int64.random(in: -50...1_000_000, using: &random)
      let last = first + Int64.random(in: 0...3000, using: &random)
      let count = Int.random(in: 1...40, using: &random)
      let ranges = CustomerRange.ranges(count: count, first: first, last: last)
      #expect(ranges.count == min(count, Int(last - first) + 1))
      #expect(ranges.map(\.number) == Array(0..<ranges.count))
      #expect(ranges.allSatisfy { $0.count == ranges.count })
      cut += ranges.count > 1 ? 1 : 0
      var sizes = Array(repeating: 0, count: ranges.count)
      for customer in first...last {
        let holders = Self.holders(of: customer, in: ranges)
        guard holders.count == 1 else {
          Issue.record("\(customer) of \(first)...\(last) by \(count) is in \(holders)")
          return
        }
        sizes[holders[0]] += 1
      }
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(sizes)")
      for customer in [Int64.min, first - 1, last + 1, Int64.max] {
        #expect(Self.holders(of: customer, in: ranges).count == 1)
      }
    }
    #expect(cut > 300)
  }

  @Test("extents that were made together are known again; with a gap or an overlap they are not")
  func extents() throws {
    let spans = CustomerRange.ranges(count: 5, first: 1, last: 1000)
    let hashes = try CustomerRange.ranges(count: 4, shards: Self.shards(9))
    for ranges in [spans, hashes, [.all]] {
      #expect(CustomerRange.ranges(of: ranges.map(\.extent)) == ranges)
      // Each part on its own, without one, in another order.
      for place in ranges.indices where ranges.count > 1 {
        var some = ranges
        some.remove(at: place)
        #expect(CustomerRange.ranges(of: some.map(\.extent)) == nil)
        #expect(CustomerRange.ranges(of: [ranges[place].extent]) == nil)
        some = ranges
        some.append(ranges[place])
        #expect(CustomerRange.ranges(of: some.map(\.extent)) == nil)
      }
      for one in ranges {
        for other in ranges { #expect(one.overlaps(other) == (one == other)) }
      }
      if ranges.count > 1 {
        #expect(CustomerRange.ranges(of: ranges.reversed().map(\.extent)) == nil)
      }
    }
    #expect(CustomerRange.ranges(of: []) == nil)
    #expect(CustomerRange.ranges(of: [spans[0].extent, hashes[3].extent]) == nil)
    #expect(
      CustomerRange.ranges(of: [
        .identifiers(first: nil, end: 5), .identifiers(first: 6, end: nil),
      ]) == nil)
    #expect(
      CustomerRange.ranges(of: [
        .identifiers(first: nil, end: 5), .identifiers(first: 5, end: 5),
        .identifiers(first: 5, end: nil),
      ]) == nil)
    // Spans of another cut overlap where they share a customer.
    let others = CustomerRange.ranges(count: 3, first: 1, last: 1000)
    for one in spans {
      for other in others {
        let shares = (1...1000).contains { one.contains($0) && other.contains($0) }
        #expect(one.overlaps(other) == shares)
      }
      #expect(one.overlaps(hashes[1]) && hashes[1].overlaps(one) && one.overlaps(.all))
    }
  }

  @Test("spans at the ends of Int64, of one customer and of none")
  func spanEnds() {
    let whole = CustomerRange.ranges(count: 7, first: .min, last: .max)
    #expect(whole.count == 7)
    for customer in [Int64.min, -1, 0, 1, .max, .min / 7, .max / 7 * 3] {
      #expect(Self.holders(of: customer, in: whole).count == 1)
    }
    #expect(CustomerRange.ranges(count: 9, first: nil, last: nil) == [.all])
    #expect(CustomerRange.ranges(count: 9, first: 5, last: 5) == [.all])
    #expect(CustomerRange.ranges(count: 1, first: 5, last: 500) == [.all])
    #expect(CustomerRange.ranges(count: 0, first: 5, last: 500) == [.all])
  }

  @Test(
    "buckets: a range is whole shards, and every customer is in exactly one",
    arguments: [
      (1, 1), (32, 1), (32, 4), (32, 5), (32, 32), (32, 100), (7, 3), (1000, 17),
    ])
  func buckets(shardCount: Int, count: Int) throws {
    let shards = Self.shards(shardCount)
    let ranges = try CustomerRange.ranges(count: count, shards: shards)
    #expect(ranges.count == min(count, shardCount))
    for shard in shards {
      let holders = ranges.filter { range in
        guard case .hashes(let bucket) = range.extent else { return false }
        return bucket.low <= shard.low && shard.high <= bucket.high
      }
      #expect(holders.count == 1, "\(shard) is not whole in one range")
    }
    var random = SplitMix64(seed: 11)
    var seen = Set<Int>()
    for _ in 0..<5000 {
      let holders = Self.holders(of: Int64(bitPattern: random.next()), in: ranges)
      #expect(holders.count == 1)
      seen.formUnion(holders)
    }
    #expect(seen.count == ranges.count)
  }

  @Test("shards with a gap, an overlap, a missing end or none are refused")
  func gaps() throws {
    let shards = Self.shards(8)
    var missing = shards
    missing.remove(at: 3)
    var overlapping = shards
    overlapping[2] = CustomerRange.Bucket(low: shards[2].low - 1, high: shards[2].high)
    for wrong in [missing, overlapping, Array(shards.dropLast()), Array(shards.dropFirst()), []] {
      #expect { try CustomerRange.ranges(count: 2, shards: wrong) } throws: {
        ($0 as? WarehouseError)?.code == "warehouse.shards"
      }
    }
  }

  @Test("conditions bind their values, and a range survives JSON")
  func conditions() throws {
    let ranges = CustomerRange.ranges(count: 3, first: 1, last: 30)
    #expect(
      try ranges.map { try $0.condition(on: "t.customer_id").rendered().text } == [
        "t.customer_id < $1", "t.customer_id >= $1 AND t.customer_id < $2", "t.customer_id >= $1",
      ])
    let hashed = try CustomerRange.ranges(count: 2, shards: Self.shards(4))
    #expect(
      try hashed.map { try $0.condition().rendered().text } == [
        "hashint8(customer_id) BETWEEN $1 AND $2", "hashint8(customer_id) BETWEEN $1 AND $2",
      ])
    #expect(try CustomerRange.all.condition().rendered().text == "true")
    for range in ranges + hashed + [.all] {
      let copy = try JSONDecoder().decode(
        CustomerRange.self, from: JSONEncoder().encode(range))
      #expect(copy == range)
    }
  }
}

@Suite("Distribution plan")
struct DistributionPlanTests {
  typealias Standing = DistributionPlan.Standing

  /// How Citus has every table after the statements of a plan.
  static func done() -> [String: Standing] {
    var standing: [String: Standing] = [:]
    for placement in TablePlacement.all {
      switch placement.kind {
      case .local: break
      case .reference:
        standing[placement.table] = Standing(
          method: "n", replication: "t", colocation: 1, column: nil)
      case .distributed:
        standing[placement.table] = Standing(
          method: "h", replication: "s", colocation: 2, column: "customer_id")
      }
    }
    return standing
  }

  @Test("a new cluster: every table once, reference tables first, the group begins with customers")
  func new() throws {
    let plan = DistributionPlan(standing: [:], functions: [], shards: 48)
    let statements = plan.pending.compactMap(\.statement)
    #expect(plan.problems == [])
    #expect(
      Set(statements).count
        == TablePlacement.all.count { $0.kind != .local } + TablePlacement.functions.count)
    #expect(
      statements.contains(
        "SELECT create_distributed_table('facts.customers', 'customer_id', "
          + "colocate_with => 'none', shard_count => 48)"))
    #expect(
      statements.contains(
        "SELECT create_distributed_table('facts.events', 'customer_id', "
          + "colocate_with => 'facts.customers')"))
    #expect(statements.contains("SELECT create_reference_table('segments.segment')"))
    #expect(statements.contains("SELECT create_distributed_function('facts.reconcile(jsonb[])')"))
    let first = try #require(statements.firstIndex { $0.contains("create_distributed_table") })
    #expect(statements[first].contains("facts.customers"))
    #expect(!statements[first...].contains { $0.contains("create_reference_table") })
  }

  @Test("what is placed is left alone; what a crash left out is done")
  func again() {
    let functions = Set(TablePlacement.functions)
    #expect(DistributionPlan(standing: Self.done(), functions: functions, shards: 8).pending == [])
    var half = Self.done()
    half["facts.events"] = nil
    half["segments.segment"] = nil
    let plan = DistributionPlan(standing: half, functions: functions, shards: 8)
    #expect(plan.pending.map(\.name) == ["segments.segment", "facts.events"])
    #expect(plan.problems == [])
    // Citus takes tables into its catalogue by itself where a foreign key asks for it.
    half["segments.segment"] = Standing(method: "n", replication: "s", colocation: 0, column: nil)
    half["landing.load"] = Standing(method: "n", replication: "s", colocation: 0, column: nil)
    #expect(DistributionPlan(standing: half, functions: functions, shards: 8) == plan)
  }

  @Test("tables that stand otherwise are problems, all named")
  func otherwise() {
    var standing = Self.done()
    standing["facts.events"] = Standing(
      method: "h", replication: "s", colocation: 2, column: "load_id")
    standing["facts.customer_day"] = Standing(
      method: "h", replication: "s", colocation: 9, column: "customer_id")
    standing["segments.segment"] = Standing(
      method: "h", replication: "s", colocation: 2, column: "segment_id")
    standing["landing.identity"] = Standing(
      method: "n", replication: "t", colocation: 1, column: nil)
    let plan = DistributionPlan(standing: standing, functions: [], shards: nil)
    #expect(
      Set(plan.problems) == [
        "expected facts.events to be distributed by customer_id, found one distributed by load_id",
        "expected facts.customer_day to be colocated with facts.customers, found it apart",
        "expected segments.segment to be a reference table, found one distributed by segment_id",
        "expected landing.identity to be a local table, found a reference table",
      ])
  }
}
