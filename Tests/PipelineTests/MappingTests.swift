import TestSupport
import Testing

@testable import Pipeline

@Suite("Mapped tasks")
struct MappingTests {
  /// Each with each, by recursion.
  private func naiveProduct(_ lists: [[JSONValue]]) -> [[JSONValue]] {
    guard let first = lists.first else { return [[]] }
    let rest = naiveProduct(Array(lists.dropFirst()))
    return first.flatMap { item in rest.map { [item] + $0 } }
  }

  @Test("instances are those of a naive product, on random lists")
  func crossProduct() throws {
    var random = SplitMix64(seed: 11)
    for _ in 0..<300 {
      let lists = (0..<Int.random(in: 1...4, using: &random)).map { list in
        (0..<Int.random(in: 0...5, using: &random)).map { JSONValue.string("\(list).\($0)") }
      }
      var products: [String: JSONValue] = [:]
      let sources = lists.enumerated().map { number, list in
        if number.isMultiple(of: 2) {
          products["t\(number)"] = .array(list)
          return MappingSource.output("t\(number)")
        }
        return MappingSource.literal(list)
      }
      let mapping = Mapping(sources: sources)
      let expected = naiveProduct(lists)
      #expect(try mapping.instances(products: products) == expected)
      #expect(try mapping.count(of: lists.map(\.count)) == expected.count)
    }
  }

  @Test("zipped lists go in step, and have to have one length")
  func zipped() throws {
    let pairs = Mapping(sources: [.literal([1, 2]), .output("t")], mode: .zip)
    #expect(try pairs.instances(products: ["t": ["a", "b"]]) == [[1, "a"], [2, "b"]])
    #expect(code { _ = try pairs.instances(products: ["t": ["a"]]) } == "pipeline.unequal_lists")
    #expect(code { _ = try pairs.instances(products: [:]) } == "pipeline.missing_product")
    #expect(code { _ = try pairs.instances(products: ["t": 5]) } == "pipeline.missing_product")
  }

  @Test("no item is no instance; the limit holds, however large the lists")
  func limits() throws {
    let sources = [MappingSource.output("a"), .output("b")]
    let mapping = Mapping(sources: sources, limit: 6)
    #expect(try mapping.count(of: [0, 1_000_000]) == 0)
    #expect(try mapping.count(of: [2, 3]) == 6)
    #expect(code { _ = try mapping.count(of: [7, 1]) } == "pipeline.too_many_items")
    #expect(code { _ = try mapping.count(of: [.max, 3]) } == "pipeline.too_many_items")
    // An empty list empties the product even where the others overflow.
    #expect(try mapping.count(of: [.max, .max, 0]) == 0)
    #expect(try Mapping(sources: sources, mode: .zip, limit: 6).count(of: [6, 6]) == 6)
    #expect(Mapping(sources: sources).limit == 1024)
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? PipelineError)?.code
    }
  }
}
