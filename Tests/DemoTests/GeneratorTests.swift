import Foundation
import Testing

@testable import Demo

@Suite struct GeneratorTests {
  @Test func exponentialIsWithinFourUnitsOfTheLastPlace() {
    var random = Generator(seed: 1, stream: 1)
    for _ in 0..<20_000 {
      let x = random.uniform() * 60 - 50
      let expected = Foundation.exp(x)
      #expect(abs(exponential(x) - expected) <= 4 * expected.ulp, "\(x)")
    }
    #expect(exponential(0) == 1)
    #expect(exponential(-1000) == 0)
  }

  @Test(arguments: [0.0, 0.001, 0.05, 0.4, 1.7, 4.5])
  func poissonHasItsMeanAndVariance(mean: Double) {
    var random = Generator(seed: 2, stream: 3)
    let count = 100_000
    var sum = 0.0
    var squares = 0.0
    for _ in 0..<count {
      let value = Double(random.poisson(mean))
      sum += value
      squares += value * value
    }
    let average = sum / Double(count)
    let deviation = (mean / Double(count)).squareRoot()
    #expect(abs(average - mean) <= 5 * deviation)
    #expect(abs(squares / Double(count) - average * average - mean) <= 0.03 * mean + 5 * deviation)
  }

  @Test func streamsDiffer() {
    var values = Set<UInt64>()
    for stream in 0..<2000 {
      var random = Generator(seed: 11, stream: UInt64(stream))
      values.insert(random.next())
    }
    #expect(values.count == 2000)
  }

  @Test func picksFollowTheWeights() {
    var random = Generator(seed: 4, stream: 4)
    var counts = [0, 0, 0]
    for _ in 0..<30_000 { counts[random.pick([1, 0, 2], total: 3)] += 1 }
    #expect(counts[1] == 0)
    #expect(abs(counts[0] - 10_000) < 500)
    #expect((0..<1000).allSatisfy { _ in (0..<7).contains(random.below(7)) })
  }

  @Test func typesAddUpToAHundred() { #expect(CustomerType.totalWeight == 100) }

  @Test func productsAreDistinctAndPriced() {
    #expect(Set(Product.all.map(\.key)).count == Product.all.count)
    #expect(Product.all.allSatisfy { $0.cents >= 100 && $0.cents <= 10_000 })
  }
}
