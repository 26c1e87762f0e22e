import Testing

@testable import Diagnostics

@Suite("Suggestions for misspelt names")
struct SuggestionTests {
  static let known = ["orders_30d", "orders_90d", "revenue_90d", "country", "LTV"]

  @Test(
    "the name that was meant, or none",
    arguments: [
      ("orders_30", "orders_30d"), ("odrers_90d", "orders_90d"), ("contry", "country"),
      ("ltv", "LTV"), ("COUNTRY", "country"), ("birthday", nil), ("", nil), ("xyz", nil),
    ] as [(String, String?)])
  func nearest(name: String, expected: String?) {
    #expect(Suggestion.nearest(to: name, among: Self.known) == expected)
  }

  @Test("what is known is listed where nothing is near, at most twenty")
  func listing() {
    #expect(
      Suggestion.hint(for: "q", among: ["a1", "b2"], noun: "known are") == "known are: a1, b2")
    #expect(Suggestion.hint(for: "b1", among: ["a1", "xy"], noun: "n") == "did you mean 'a1'?")
    #expect(Suggestion.hint(for: "q", among: [], noun: "known are") == nil)
    let many = (100..<130).map { "name\($0)" }
    #expect(Suggestion.hint(for: "q", among: many, noun: "n")?.hasSuffix("name119, …") == true)
  }

  /// The textbook recursion, exponential and obviously right.
  static func naive(_ left: ArraySlice<Unicode.Scalar>, _ right: ArraySlice<Unicode.Scalar>) -> Int
  {
    guard let a = left.last, let b = right.last else { return left.count + right.count }
    var cost = min(
      naive(left.dropLast(), right) + 1, naive(left, right.dropLast()) + 1,
      naive(left.dropLast(), right.dropLast()) + (a == b ? 0 : 1))
    if left.count > 1, right.count > 1, a == right.dropLast().last, b == left.dropLast().last {
      cost = min(cost, naive(left.dropLast(2), right.dropLast(2)) + 1)
    }
    return cost
  }

  @Test("the distance equals the textbook recursion on every pair of short words")
  func distance() {
    var words: [[Unicode.Scalar]] = [[]]
    for _ in 0..<4 {
      words += words.filter { $0.count == words.last?.count }.flatMap { word in
        ["a", "b"].map { word + [$0] }
      }
    }
    for left in words {
      for right in words {
        #expect(Suggestion.distance(left, right) == Self.naive(left[...], right[...]))
      }
    }
  }
}
