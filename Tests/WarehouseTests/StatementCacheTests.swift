import Testing

@testable import Warehouse

@Suite struct StatementCacheTests {
  private func key(_ text: String) -> StatementCache.Key { .init(text: text, types: []) }

  @Test func secondUsePrepares() {
    var cache = StatementCache(capacity: 4)
    #expect(cache.plan(for: key("a")) == .once)
    #expect(cache.plan(for: key("a")) == .prepare("strata_1"))
    cache.didPrepare(key("a"), as: "strata_1")
    #expect(cache.plan(for: key("a")) == .run("strata_1"))
    #expect(cache.prepared == 1)
  }

  @Test func typesAreApart() {
    var cache = StatementCache(capacity: 4)
    #expect(cache.plan(for: .init(text: "a", types: [20])) == .once)
    #expect(cache.plan(for: .init(text: "a", types: [25])) == .once)
  }

  @Test func leastRecentlyUsedGoes() {
    var cache = StatementCache(capacity: 2)
    for (index, text) in ["a", "b"].enumerated() {
      _ = cache.plan(for: key(text))
      _ = cache.plan(for: key(text))
      cache.didPrepare(key(text), as: "s\(index)")
    }
    #expect(cache.plan(for: key("a")) == .run("s0"))
    #expect(cache.plan(for: key("c")) == .once)
    #expect(cache.takeEvicted() == ["s1"])
    #expect(cache.takeEvicted() == [])
    #expect(cache.plan(for: key("a")) == .run("s0"))
    #expect(cache.plan(for: key("b")) == .once)
  }

  @Test func failedPreparationIsTriedAgain() {
    var cache = StatementCache(capacity: 2)
    _ = cache.plan(for: key("a"))
    #expect(cache.plan(for: key("a")) == .prepare("strata_1"))
    #expect(cache.plan(for: key("a")) == .prepare("strata_2"))
  }

  @Test func noCapacityNeverPrepares() {
    var cache = StatementCache(capacity: 0)
    #expect(cache.plan(for: key("a")) == .once)
    #expect(cache.plan(for: key("a")) == .once)
  }
}
