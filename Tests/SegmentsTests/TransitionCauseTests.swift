import Testing

@testable import Segments

struct TransitionCauseTests {
  /// Causes go to the database by their place: each place must give the same cause back.
  @Test func codesAreThePlacesInTheLists() {
    for (place, cause) in TransitionCause.allCases.enumerated() {
      #expect(Int(cause.code) == place)
      #expect(TransitionCause.inOrder[place] == cause)
      #expect(TransitionCause.texts[place] == cause.rawValue)
    }
    #expect(TransitionCause.allCases.count <= 16, "a cause has four bits in a series")
  }
}
